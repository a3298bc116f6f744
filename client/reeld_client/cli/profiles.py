"""Commands about what the config offers: profiles and features."""

import typer

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation


def profiles(invocation: Invocation) -> Answer:
    """List the profiles of the config, for `start --profile`."""
    with invocation.client() as client:
        return Answer(client.profiles())


def features(invocation: Invocation) -> Answer:
    """List the feature flags: stage, whether it is on here, and who says so."""
    with invocation.client() as client:
        return Answer(client.features())


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for function in (profiles, features):
        command(app)(function)
