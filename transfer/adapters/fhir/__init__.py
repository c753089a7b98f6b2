"""FHIR R4: asking institutions for documents, taking in what they post to us, handing a packet over (IHE MHD).

The received bytes are the record. `fhir.resources.R4B` only checks. What we need is read from plain JSON, because the
models change fractions of a second, decimals and base64 white space.
"""
