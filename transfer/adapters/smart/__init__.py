"""SMART Backend Services: tokens for a key, not for a password (https://hl7.org/fhir/smart-app-launch/STU2)."""

from transfer.adapters.smart.keys import SmartKeys
from transfer.adapters.smart.tokens import SmartTokens

__all__ = ["SmartKeys", "SmartTokens"]
