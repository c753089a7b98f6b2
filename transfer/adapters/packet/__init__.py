"""Making a records packet: each module writes one of its files, `assembly` puts them together."""
