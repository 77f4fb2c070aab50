"""The optfile for distribution over TLS, and the certificate of an own CA, judged by a real Erlang VM.

No cluster: the VM evaluates the file as distribution does, and is asked whom it would let in.

Source: Erlang/OTP, "Using TLS for Erlang Distribution"; public_key:pkix_verify_hostname/3.
"""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from podname.erlang.optfile import optfile
from podname.inject.certificates import own_secret

DOMAIN = "default.pod.cluster.local"
POD = "web-7bd795854f-k4v9z"
PROGRAM = """
    {ok, Text} = file:read_file("optfile"),
    {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(Text)),
    {ok, Forms} = erl_parse:parse_exprs(Tokens),
    {value, Options, _} = erl_eval:exprs(Forms, []),
    {ok, Pem} = file:read_file("tls.crt"),
    [{_, Der, _}] = public_key:pem_decode(Pem),
    Certificate = public_key:pkix_decode_cert(Der, otp),
    {verify_fun, {Verify, State}} = lists:keyfind(verify_fun, 1, proplists:get_value(server, Options)),
    Check = proplists:get_value(customize_hostname_check, proplists:get_value(client, Options)),
    Dialled = public_key:pkix_verify_hostname(Certificate, [{dns_id, "HOST"}], Check),
    Dialling = element(1, Verify(Certificate, valid_peer, State)),
    Expired = element(1, Verify(Certificate, {bad_cert, cert_expired}, State)),
    io:format("~w ~w ~w", [Dialled, Dialling, Expired]), halt().
"""


@pytest.mark.parametrize(
    ("short", "certified", "host", "expected"),
    [
        (False, DOMAIN, f"{POD}.{DOMAIN}", "true valid fail"),
        (False, DOMAIN, POD, "false valid fail"),
        (False, DOMAIN, f"{POD}.other.pod.cluster.local", "false valid fail"),
        (False, DOMAIN, f"a.{POD}.{DOMAIN}", "false valid fail"),
        (False, "other.pod.cluster.local", f"{POD}.{DOMAIN}", "false fail fail"),
        (True, DOMAIN, POD, "true valid fail"),
        (True, "other.pod.cluster.local", POD, "false fail fail"),
        (True, DOMAIN, f"{POD}.x", "false valid fail"),
    ],
)
def test_who_is_let_in(
    tmp_path: Path, short: bool, certified: str, host: str, expected: str
) -> None:
    (tmp_path / "optfile").write_text(optfile("/etc/podname-tls", DOMAIN, short=short))
    certificate = own_secret("podname-tls", [certified])["data"]["tls.crt"]
    (tmp_path / "tls.crt").write_bytes(base64.b64decode(certificate))
    command = ["erl", "-noshell", "-noinput", "-eval", PROGRAM.replace("HOST", host)]
    ran = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == expected
