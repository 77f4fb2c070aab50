%% @doc Where a node is, by the Kubernetes API: for those who run no podname.
%%
%% `app@POD' is the pod of that name; the container port called `app' is the node's, or else the
%% fixed one. The host may be the pod's name alone, `POD.NAMESPACE.pod.ZONE' or, as a pod with a
%% subdomain calls itself, `POD.SERVICE.NAMESPACE.svc.ZONE'. The pod's service account asks: it needs
%% a Role that may get pods, and list them for `hosts/0'.
%%
%% The first question would also have to load the code of OTP's client and start it, which takes as
%% long as anybody waits. So that is done beforehand, with a question about this pod itself; a
%% warning says so if there was no answer.
%%
%% Sources: https://kubernetes.io/docs/reference/using-api/api-concepts/ (lists in pages);
%% Kubernetes' pkg/kubelet/util, TruncatePodHostnameIfNeeded
-module(podname_epmd_kubernetes).
-behaviour(podname_epmd).

-export([start/0, find/3, pods/1]).

-define(PAGE, "500").
%% What the kubelet leaves of a longer name: so much, less dashes and dots at its end.
-define(CUT, 63).
-define(CUT_AT_LEAST, 58).
-define(UNFINISHED, "status.phase!=Succeeded,status.phase!=Failed").

%% @doc Have the client ready before the first question comes. Code is loaded here, while the system
%% starts; the rest waits for OTP's application controller, in a process that is linked to nothing.
start() ->
    podname_epmd_api:load(),
    _ = spawn(fun first_question/0),
    ok.

first_question() ->
    try podname_epmd_api:ready(), {ok, Host} = inet:gethostname(), read_pod(Host) of
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
        {ok, Namespace, Name} -> read_pod(Namespace, lists:flatten(Name));
        {error, _} = Error -> Error
    end.

read_pod(Namespace, Name) ->
    case podname_epmd_api:read(["/api/v1/namespaces/", Namespace, "/pods/", Name]) of
        {ok, Body} -> {ok, podname_epmd_pod:pod(Body)};
        {error, nxdomain} when length(Name) >= ?CUT_AT_LEAST, length(Name) =< ?CUT ->
            by_cut_name(Name, list(Namespace));
        {error, _} = Error -> Error
    end.

%% A pod whose name is longer than a label calls itself by what the kubelet leaves of it.
by_cut_name(_Name, {error, _} = Error) -> Error;
by_cut_name(Name, {ok, Pods}) ->
    case [Pod || Pod <- Pods, cut(podname_epmd_pod:name(Pod)) =:= Name] of
        [Pod | _] -> {ok, Pod};
        [] -> {error, nxdomain}
    end.

cut(Name) -> string:trim(lists:sublist(Name, ?CUT), trailing, "-.").

%% The namespace and the pod of a host.
whose(Host) ->
    case {here(), lists:member($., Host)} of
        {{ok, Namespace, _Zone}, false} -> {ok, Namespace, Host};
        {{ok, _Namespace, Zone}, true} -> whose(before(Host, ".pod." ++ Zone), before(Host, ".svc." ++ Zone));
        {{error, _} = Error, _} -> Error
    end.

whose([Namespace | [_ | _] = Pod], _) -> {ok, Namespace, lists:join(".", lists:reverse(Pod))};
whose(_, [Namespace, _Service | [_ | _] = Pod]) -> {ok, Namespace, lists:join(".", lists:reverse(Pod))};
whose(_, _) -> {error, nxdomain}.

here() ->
    case podname_epmd_config:domain() of
        {ok, Domain} -> here(string:split(Domain, ".pod."));
        {error, _} = Error -> Error
    end.

here([Namespace, Zone]) -> {ok, Namespace, Zone};
here(_) -> {error, nodomain}.

before(Host, Suffix) ->
    case string:split(Host, Suffix, trailing) of
        [Before, ""] -> lists:reverse(string:split(Before, ".", all));
        _ -> []
    end.

%% The names of the pods of a namespace that have an address.
pods(Wish) ->
    case here() of
        {ok, Namespace, Zone} when Wish =:= own -> names(Namespace, Zone);
        {ok, _Namespace, Zone} -> names(Wish, Zone);
        {error, _} = Error -> Error
    end.

names(Namespace, Zone) ->
    Suffix = lists:append([".", Namespace, ".pod.", Zone]),
    case podname_epmd_config:is_label(Namespace) andalso list(Namespace) of
        {ok, Pods} -> {ok, [podname_epmd_pod:name(Pod) ++ Suffix || Pod <- Pods, is_somewhere(Pod)]};
        {error, _} = Error -> Error;
        false -> {error, nxdomain}
    end.

list(Namespace) ->
    list(["/api/v1/namespaces/", Namespace, "/pods?"], <<>>, []).

list(Path, Continue, Sofar) ->
    Query = [{"limit", ?PAGE}, {"fieldSelector", ?UNFINISHED}, {"continue", binary_to_list(Continue)}],
    case podname_epmd_api:read([Path, uri_string:compose_query(Query)]) of
        {ok, Body} ->
            case podname_epmd_pod:pods(Body) of
                {Pods, <<>>} -> {ok, lists:append(lists:reverse(Sofar, [Pods]))};
                {Pods, Next} -> list(Path, Next, [Pods | Sofar])
            end;
        {error, _} = Error -> Error
    end.

is_somewhere(Pod) ->
    lists:any(fun(Family) -> podname_epmd_pod:address(Pod, Family) =/= none end, [inet, inet6]).
