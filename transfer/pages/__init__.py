"""The desk as pages: server-rendered forms, without a script. Pages call verbs of `transfer.flow.desk` and say what
these return in the words of `transfer.sentences`. They know no SQL, no wire and no format of others.
"""
