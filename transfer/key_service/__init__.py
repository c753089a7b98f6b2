"""The key service: a folder of keys on one host, for gateways, dispatchers and workers on others.

Why it is ours, and what it promises: docs/decisions/0022-keys-of-several-hosts.md.
"""
