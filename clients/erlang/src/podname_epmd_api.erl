%% @doc Questions to the Kubernetes API server, with the service account of this pod.
%%
%% Each question has a connection of its own. One kept open would save a handshake, and cost more than
%% that on the day when it leads to an API server that is no more: such a connection is silent. The
%% token is read each time, because the kubelet replaces it every hour.
%%
%% Sources: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/;
%% https://www.erlang.org/doc/apps/inets/httpc.html; https://www.erlang.org/doc/apps/ssl/ssl.html
-module(podname_epmd_api).

-export([load/0, ready/0, read/1]).

-define(PROFILE, podname_epmd).
-define(PROTOBUF, "application/vnd.kubernetes.protobuf").
%% As long as anybody waits for a whole list; who waits for one pod ends the question earlier.
-define(REQUEST_MILLISECONDS, 10000).

%% @doc Load the code of OTP's client, unless all code is loaded anyway. Nothing needs to run for that.
-spec load() -> ok.
load() ->
    load_in(code:get_mode()).

load_in(embedded) -> ok;
load_in(interactive) ->
    Names = [filename:rootname(File) || App <- [crypto, public_key, ssl, inets], File <- files_of(App)],
    _ = code:ensure_modules_loaded([list_to_atom(Name) || Name <- Names, is_needed(Name)]),
    ok.

files_of(App) ->
    case erl_prim_loader:list_dir(filename:join(code:lib_dir(App), "ebin")) of
        {ok, Files} -> Files;
        error -> []
    end.

is_needed(Name) ->
    not lists:any(fun(Other) -> lists:prefix(Other, Name) end, ["dtls", "inet", "httpd", "mod_"]).

%% @doc OTP's client, with a profile of its own: what the application sets for its own requests, such as
%% a proxy, is not meant for this one.
-spec ready() -> ok.
ready() ->
    {ok, _} = application:ensure_all_started(ssl),
    {ok, _} = application:ensure_all_started(inets),
    case inets:start(httpc, [{profile, ?PROFILE}]) of
        {ok, _} -> ok;
        {error, {already_started, _}} -> ok
    end.

%% @doc The body that is at a path.
-spec read(iodata()) -> {ok, binary()} | {error, podname_epmd:reason()}.
read(Path) ->
    case {os:getenv("KUBERNETES_SERVICE_HOST"), file:read_file(in_account("token"))} of
        {false, _} -> {error, not_in_a_pod};
        {_, {error, _}} -> {error, no_service_account};
        {Host, {ok, Token}} -> read(Host, Path, Token)
    end.

read(Host, Path, Token) ->
    ready(),
    Port = os:getenv("KUBERNETES_SERVICE_PORT", "443"),
    Url = lists:flatten(["https://", bracketed(Host), ":", Port, Path]),
    Headers = [
        {"authorization", "Bearer " ++ string:trim(binary_to_list(Token))},
        {"accept", ?PROTOBUF},
        {"connection", "close"}
    ],
    Tls = [
        {verify, verify_peer},
        {cacertfile, in_account("ca.crt")},
        {customize_hostname_check, [{match_fun, fun is_certified/2}]}
    ],
    Options = [{timeout, ?REQUEST_MILLISECONDS}, {autoredirect, false}, {ssl, Tls}],
    Family = case bracketed(Host) of Host -> inet; _ -> inet6 end,
    ok = httpc:set_options([{ipfamily, Family}], ?PROFILE),
    response(httpc:request(get, {Url, Headers}, Options, [{body_format, binary}], ?PROFILE)).

response({ok, {{_, 200, _}, _, Body}}) -> {ok, Body};
response({ok, {{_, 401, _}, _, _}}) -> {error, unauthorized};
response({ok, {{_, 403, _}, _, _}}) -> {error, forbidden};
response({ok, {{_, 404, _}, _, _}}) -> {error, nxdomain};
response({ok, {{_, Code, _}, _, _}}) -> {error, {http, Code}};
response({error, {failed_connect, Why}}) -> {error, why(Why)};
response({error, Reason}) when is_atom(Reason) -> {error, Reason};
response({error, _Reason}) -> {error, closed}.

why(Why) ->
    case lists:last(Why) of
        {_Family, _Options, {tls_alert, {Alert, _Text}}} -> Alert;
        {_Family, _Options, Reason} when is_atom(Reason) -> Reason;
        _ -> econnrefused
    end.

%% OTP takes an address in a URL for a DNS name, and finds no such name in the certificate.
is_certified({dns_id, Host}, {iPAddress, Octets}) ->
    case inet:parse_strict_address(Host) of
        {ok, Address} -> iolist_to_binary(Octets) =:= octets(Address);
        {error, _} -> false
    end;
is_certified(_Reference, _Presented) ->
    default.

octets({A, B, C, D}) -> <<A, B, C, D>>;
octets(Address) -> << <<Word:16>> || Word <- tuple_to_list(Address) >>.

in_account(File) ->
    filename:join(podname_epmd_config:service_account(), File).

bracketed(Host) ->
    case lists:member($:, Host) of
        true -> "[" ++ Host ++ "]";
        false -> Host
    end.
