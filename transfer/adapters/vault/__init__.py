"""The object store by S3 (boto3): `transfer.staging.Vault`, long streams and orphans."""

from transfer.adapters.vault.store import OpenUpload, S3Vault, prepare
from transfer.adapters.vault.writing import PART, SMALL_PART, Writer

__all__ = ["PART", "SMALL_PART", "OpenUpload", "S3Vault", "Writer", "prepare"]
