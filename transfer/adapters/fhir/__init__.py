"""FHIR R4: asking institutions for documents, taking in what they post to us, handing a packet over (IHE MHD).

The received bytes are the record. `fhir.resources.R4B` only checks; what we need is read from plain JSON, because the
models do not give back what they were given (fractions of a second, decimals, base64 white space).
"""
