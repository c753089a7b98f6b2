"""Letters as PDF files, and the ways by which they leave.

- `pdf`: a letter's pages: a cover sheet for a fax, one page with the request, the authorization as pictures.
- `print_folder`, `mail_to_fax`: a `LetterSender` each (`transfer.flow.services`).
"""
