"""The ssl_dist optfile, with which nodes verify each other's names by one wildcard certificate.

A certificate for each pod would need the pod's name before there is one. A wildcard covers all pods of a domain, and a
node still proves to another that its host name is below it. Short names have no domain: the optfile puts it behind them
before it compares.

Sources: RFC 6125 §6.4.3 (wildcards); Erlang/OTP, "Using TLS for Erlang Distribution",
public_key:pkix_verify_hostname/3.
"""

from __future__ import annotations

_SECTIONS = """\
%% Made by podname for -ssl_dist_optfile: nodes know each other by one certificate for *.{domain}.
[{{server, [
    {{certfile, "{folder}/tls.crt"}},
    {{keyfile, "{folder}/tls.key"}},
    {{cacertfile, "{folder}/ca.crt"}},
    {{verify, verify_peer}},
    {{fail_if_no_peer_cert, true}},
    %% Who dials in must show a certificate of this domain; else any of the CA's would do.
    {{verify_fun, {{
        fun(_, {{bad_cert, _}} = Reason, _) -> {{fail, Reason}};
           (_, {{extension, _}}, State) -> {{unknown, State}};
           (_, valid, State) -> {{valid, State}};
           (Certificate, valid_peer, State) ->
                Wildcard = public_key:pkix_verify_hostname_match_fun(https),
                Hosts = [{{dns_id, "any.{domain}"}}],
                case public_key:pkix_verify_hostname(Certificate, Hosts, [{{match_fun, Wildcard}}]) of
                    true -> {{valid, State}};
                    false -> {{fail, hostname_check_failed}}
                end
        end, []}}}}]}},
 {{client, [
    {{certfile, "{folder}/tls.crt"}},
    {{keyfile, "{folder}/tls.key"}},
    {{cacertfile, "{folder}/ca.crt"}},
    {{verify, verify_peer}},
    %% Who is dialled must show one for its host; a wildcard counts only if this says so.
    {{customize_hostname_check, [{{match_fun, {match}}}]}}]}}].
"""
_WILDCARD = "public_key:pkix_verify_hostname_match_fun(https)"
_SHORT = """\
fun({{dns_id, Host}}, Presented) ->
               Wildcard = public_key:pkix_verify_hostname_match_fun(https),
               Wildcard({{dns_id, Host ++ ".{domain}"}}, Presented);
           (_, _) -> default
        end"""


def optfile(folder: str, domain: str, *, short: bool = False) -> str:
    """Write an ssl_dist optfile for the pods of a domain. Short host names are completed before they are compared."""
    match = _SHORT.format(domain=domain) if short else _WILDCARD
    return _SECTIONS.format(folder=folder, domain=domain, match=match)
