"""What people of outside do at the doors' pages. Each verb takes who it is; it is one transaction under their account.

- `sessions` begins and ends sessions, and bounds tries. `center_sign_in` lets in people of a receiving center.
"""
