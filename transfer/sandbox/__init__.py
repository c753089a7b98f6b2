"""Stand-in institutions: what the demo and the tests exchange records with.

Each is a process of its own that speaks its standard over real sockets on the loopback interface, keeps its own data
and its own access log, and knows of us only what a real partner would: our address and a credential. They share no
code with the product, and nothing of the product is imported here.

* `oncology`   Lakeside Oncology, a community office: FHIR R4; sends the referral and the release form
* `pathology`  Prairie Pathology, a laboratory: HL7 v2 over MLLP, and a slide room reached by hand
* `archive`    Mercy Imaging, a hospital's image archive: DICOMweb
* `center`     Summit Cancer Center, which gives the opinion: IHE MHD ITI-65 and our packets

A fifth, `openid`, is no partner: it stands in for the identity provider of the hospital that runs the product.

    python -m transfer.sandbox oncology --config FILE.json
"""
