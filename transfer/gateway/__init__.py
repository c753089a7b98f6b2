"""The doors: MLLP and HTTP in, packets out, and the dispatcher that turns rounds into runs."""
