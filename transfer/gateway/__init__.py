"""The doors: HL7 v2 by MLLP and FHIR by HTTP in, packets out. `python -m transfer.gateway` opens them all."""
