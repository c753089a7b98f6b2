"""Letters as PDF files, and the ways by which they leave.

- `pdf`: a letter's pages: a cover sheet for a fax, one page with the request, the authorization as pictures.
- `scan_pictures`, `scan_process`: the pages of a scan as pictures, drawn in a process of its own.
- `print_folder`, `mail_to_fax`: a `LetterSender` each (`transfer.flow.services`).
"""
