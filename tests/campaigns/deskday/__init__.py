"""A day at the desk, led by a hand in a browser, beside the same day in a shared folder and a spreadsheet."""
