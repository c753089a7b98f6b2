"""What a reviewed file may say of how an image archive is asked."""

import pytest
from pydantic import ValidationError

from transfer.institutions import DicomwebSource


def an_archive(**credential: str) -> DicomwebSource:
    return DicomwebSource(by="dicomweb", base_url="https://archive.example.org/dicom-web", **credential)


def test_an_archive_takes_a_token_or_a_user_with_a_password_or_nothing():
    assert an_archive(token="t").token == "t"
    assert (an_archive(user="u", password="p").user, an_archive(user="u", password="p").password) == ("u", "p")
    assert an_archive().token is None


def test_an_empty_setting_is_none_given():
    source = an_archive(token="", user="u", password="p")

    assert (source.token, source.user) == (None, "u")
    assert an_archive(token="t", user="", password="").user is None


@pytest.mark.parametrize(
    "credential",
    [
        {"user": "u"},
        {"password": "p"},
        {"token": "t", "user": "u", "password": "p"},
        {"user": "u:v", "password": "p"},
    ],
)
def test_half_a_credential_or_two_are_a_mistake_of_the_file(credential):
    with pytest.raises(ValidationError):
        an_archive(**credential)
