%% @doc Where a node is, by the Kubernetes API: for those who run no podname.
%%
%% `app@POD' is the pod of that name; the container port called `app' is the node's, or else the
%% fixed one. The host may be the pod's name alone, `POD.NAMESPACE.pod.ZONE' or, as a pod with a
%% subdomain calls itself, `POD.SERVICE.NAMESPACE.svc.ZONE'. The pod's service account asks: it needs
%% a Role that may get pods, and list them for `hosts/0'.
%%
%% Each question has a connection of its own. One kept open would save a handshake, and cost more
%% than that on the day when it leads to an API server that is no more: such a connection is silent.
%% The first question would also have to load the code of OTP's client and start it, which takes as
%% long as anybody waits. So that is done beforehand, with a question about this pod itself; a
%% warning says so if there was no answer.
%% The token is read each time: the kubelet replaces it every hour.
%%
%% Sources: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/;
%% https://kubernetes.io/docs/reference/using-api/api-concepts/ (pages, Protobuf);
%% https://www.erlang.org/doc/apps/inets/httpc.html
-module(podname_epmd_kubernetes).
-behaviour(podname_epmd).

-export([start/0, find/3, pods/1, ready/0]).

-define(PROFILE, podname_epmd).
-define(PROTOBUF, "application/vnd.kubernetes.protobuf").
-define(PAGE, "500").
-define(UNFINISHED, "status.phase!=Succeeded,status.phase!=Failed").
%% As long as anybody waits for a whole list; who waits for one pod ends the question earlier.
-define(REQUEST_MILLISECONDS, 10000).

%% @doc Have the client ready before the first question comes. Code is loaded here, while the system
%% starts; the rest waits for OTP's application controller, in a process that is linked to nothing.
start() ->
    load(code:get_mode()),
    _ = spawn(fun first_question/0),
    ok.

load(embedded) -> ok;
load(interactive) ->
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

first_question() ->
    try ready(), {ok, Host} = inet:gethostname(), read_pod(Host) of
        {ok, _} -> ok;
        {error, Reason} -> complain(Reason)
    catch _:Reason -> complain(Reason)
    end.

complain(Reason) ->
    logger:warning("podname_epmd: the Kubernetes API did not tell of this node's own pod: ~p", [Reason]).

find(Name, Host, Family) ->
    case read_pod(Host) of
        {ok, Pod} -> place(podname_epmd_pod:address(Pod, Family), podname_epmd_pod:port(Pod, Name));
        {error, _} = Error -> Error
    end.

place(none, _Port) -> {error, nxdomain};
place({ok, Address}, {ok, Port}) -> {ok, {Address, Port}};
place({ok, Address}, none) -> {ok, {Address, podname_epmd_config:port()}}.

read_pod(Host) ->
    case whose(string:lowercase(Host)) of
        {ok, Namespace, Pod} -> answer(request(["/api/v1/namespaces/", Namespace, "/pods/", Pod]));
        {error, _} = Error -> Error
    end.

answer({ok, Body}) -> {ok, podname_epmd_pod:pod(Body)};
answer({error, _} = Error) -> Error.

%% The namespace and the pod of a host.
whose(Host) ->
    {ok, Domain} = podname_epmd_config:domain(),
    [Namespace, Kind] = string:split(Domain, "."),
    case string:split(Host, ".") of
        [Pod] -> {ok, Namespace, Pod};
        _ -> whose(Host, string:prefix(Kind, "pod."))
    end.

whose(_Host, nomatch) -> {error, nodomain};
whose(Host, Zone) ->
    case {before(Host, ".pod." ++ Zone), before(Host, ".svc." ++ Zone)} of
        {[_ | _] = Labels, _} -> named(Labels);
        {_, [_ | _] = Labels} -> named(without_service(Labels));
        _ -> {error, nxdomain}
    end.

before(Host, Suffix) ->
    case string:split(Host, Suffix, trailing) of
        [Before, ""] -> lists:reverse(string:split(Before, ".", all));
        _ -> []
    end.

without_service([Namespace, _Service | Pod]) -> [Namespace | Pod];
without_service(_) -> [].

named([Namespace | [_ | _] = Pod]) -> {ok, Namespace, lists:join(".", lists:reverse(Pod))};
named(_) -> {error, nxdomain}.

%% The names of the pods of a namespace that have an address.
pods(Wish) ->
    {ok, Domain} = podname_epmd_config:domain(),
    [Own, Rest] = string:split(Domain, "."),
    Namespace = case Wish of own -> Own; _ -> Wish end,
    case podname_epmd_config:is_label(Namespace) of
        true -> pages(Namespace, "." ++ Namespace ++ "." ++ Rest, <<>>, []);
        false -> {error, nxdomain}
    end.

pages(Namespace, Suffix, Continue, Sofar) ->
    Query = [{"limit", ?PAGE}, {"fieldSelector", ?UNFINISHED}, {"continue", binary_to_list(Continue)}],
    case request(["/api/v1/namespaces/", Namespace, "/pods?", uri_string:compose_query(Query)]) of
        {ok, Body} ->
            {Pods, Next} = podname_epmd_pod:pods(Body),
            Names = [podname_epmd_pod:name(Pod) ++ Suffix || Pod <- Pods, is_somewhere(Pod)],
            page(Namespace, Suffix, Next, [Names | Sofar]);
        {error, _} = Error -> Error
    end.

page(_Namespace, _Suffix, <<>>, Sofar) -> {ok, lists:append(lists:reverse(Sofar))};
page(Namespace, Suffix, Continue, Sofar) -> pages(Namespace, Suffix, Continue, Sofar).

is_somewhere(Pod) ->
    lists:any(fun(Family) -> podname_epmd_pod:address(Pod, Family) =/= none end, [inet, inet6]).

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

-spec request(iodata()) -> {ok, binary()} | {error, podname_epmd:reason()}.
request(Path) ->
    case {os:getenv("KUBERNETES_SERVICE_HOST"), file:read_file(in_account("token"))} of
        {false, _} -> {error, not_in_a_pod};
        {_, {error, _}} -> {error, no_service_account};
        {Host, {ok, Token}} -> request(Host, Path, Token)
    end.

request(Host, Path, Token) ->
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

%% @doc OTP's client, with a profile of its own: what the application sets for its own requests, such as
%% a proxy, is not meant for this one.
ready() ->
    {ok, _} = application:ensure_all_started(ssl),
    {ok, _} = application:ensure_all_started(inets),
    case inets:start(httpc, [{profile, ?PROFILE}]) of
        {ok, _} -> ok;
        {error, {already_started, _}} -> ok
    end.

in_account(File) ->
    filename:join(podname_epmd_config:service_account(), File).

bracketed(Host) ->
    case lists:member($:, Host) of
        true -> "[" ++ Host ++ "]";
        false -> Host
    end.
