"""The command `transfer`."""

import click

from transfer.cli import parts


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Gets a patient's records from the institutions that hold them to the center asked for a second opinion."""


main.add_command(parts.up)
main.add_command(parts.down)
main.add_command(parts.status)
