"""`transfer demo`: see the whole thing once."""

import time
from pathlib import Path

import click
from rich.console import Console

#: of each list that stands for a disease; the stand-in institutions have a synthetic patient with each
DISEASES = sorted({path.stem for path in (Path(__file__).parents[2] / "checklists").glob("*.yaml")} - {"common"})


@click.command("demo")
@click.option("--var", type=click.Path(path_type=Path), default=Path("var"), show_default=True, help="Where to write.")
@click.option(
    "--archive",
    type=click.Choice(["sandbox", "orthanc"]),
    default="sandbox",
    show_default=True,
    help="The image archive: the stand-in one, or Orthanc where it is installed.",
)
@click.option(
    "--disease",
    type=click.Choice(DISEASES),
    default="colorectal",
    show_default=True,
    metavar="DISEASE",
    help=f"What the synthetic patient has, one of: {', '.join(sorted(DISEASES))}.",
)
def demo_command(var: Path, archive: str, disease: str) -> None:
    """One new patient's case from referral to verified packet, on real services.

    Starts PostgreSQL, an S3 store, Airflow and four stand-in institutions. Plays the case of a synthetic patient of any
    disease that there is a list for, from referral to slides; checks the packet and writes var/demo/summary.json. Ends
    with 0 only if the packet verified.

    \b
    Example:
      transfer demo
      transfer demo --disease breast
    """
    started_at = time.time()
    console = Console(highlight=False)

    def tell(line: str) -> None:
        console.print(f"[dim]{time.time() - started_at:6.1f} s[/dim]  {line}", markup=True, soft_wrap=True)

    from transfer.cli.installation import how_to_sign_in
    from transfer.demo import run
    from transfer.settings import Settings

    summary = run(var, tell, started_at=started_at, archive=archive, disease=disease)
    console.print(f"\n[bold green]Verified.[/bold green] Case {summary.case_id}, {summary.tasks} task instances")
    console.print(f"  packet   {summary.packet}", soft_wrap=True)
    console.print(f"  check    transfer verify --jwks {summary.jwks} {summary.packet}", soft_wrap=True)
    console.print(f"  summary  {var / 'demo' / 'summary.json'}", soft_wrap=True)
    settings = Settings.load({}, var)
    console.print("  look     make up, then open the case in a browser:")
    console.print(f"           {settings.desk_url}/desk/cases/{summary.case_id}", soft_wrap=True)
    console.print(f"           {how_to_sign_in(settings)}", soft_wrap=True)


if __name__ == "__main__":
    demo_command()
