"""What people of outside do at the doors' pages. Each verb takes who it is; it is one transaction under their account.

- `sessions` begins and ends sessions, and bounds tries. `center_sign_in` lets in people of a receiving center.
- `center_packets` is what stands ready for a center, `center_answers` what it says of a packet, `center_words` what it
  writes to the desk (`numbers`: those of its house), `center_report` its own report.
- `letters` lets in whoever shows a code and a birth date; `replying` is what a source then sees and says, `own` what
  the patient and the referring office do, `signing` the form that the patient signs. `sending` stores what they send.
"""
