%% @doc What the environment says, and what names look like.
%%
%% Everything has a default that is right in a pod. Environment variables are used, not application
%% parameters, because distribution starts before any application; they are read each time, so that
%% nothing is kept. A value that makes no sense counts as not given, and `problems/0' says so.
%%
%% A pod's own namespace and the cluster's domain are in its resolv.conf: the kubelet begins the
%% search list with `NAMESPACE.svc.ZONE'. The pods of that namespace are in `NAMESPACE.pod.ZONE'.
%%
%% Sources: RFC 1035 2.3.4 (lengths); resolv.conf(5);
%% https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
-module(podname_epmd_config).

-export([source/0, servers/0, port/0, listen_port/0, node_names/0, domain/0, domain_from/1, domain_from/2]).
-export([service_account/0, problems/0]).
-export([address/2, is_label/1, is_host/1, qualified/1, host_of/1]).

-define(DEFAULT_PORT, 4370).
-define(DEFAULT_ZONE, "cluster.local").
-define(SERVICE_ACCOUNT, "/var/run/secrets/kubernetes.io/serviceaccount").

%% @doc The module that answers: `PODNAME_SOURCE' is `dns' or `kubernetes'.
-spec source() -> podname_epmd_dns | podname_epmd_kubernetes.
source() ->
    case os:getenv("PODNAME_SOURCE") of
        "kubernetes" -> podname_epmd_kubernetes;
        _ -> podname_epmd_dns
    end.

%% @doc podname's addresses: `PODNAME_DNS=10.43.0.53' or `10.43.0.53:1053,[fd00::53]:53'.
%% Without it, the name servers that the virtual machine has, usually from resolv.conf.
-spec servers() -> [{inet:ip_address(), inet:port_number()}].
servers() ->
    [Server || {ok, Server} <- [server(Text) || Text <- items("PODNAME_DNS")]].

%% @doc The port of a node that nothing else is known of: `-erl_epmd_port', `PODNAME_DIST_PORT'.
-spec port() -> inet:port_number().
port() ->
    case init:get_argument(erl_epmd_port) of
        {ok, [[Text | _] | _]} -> port_or(Text, environment_port());
        _ -> environment_port()
    end.

%% @doc The port to listen on. A hidden node (`remote' and `rpc' of a release are) may run beside
%% the one that has the fixed port, and nobody looks for it: it takes any, unless the flag says which.
-spec listen_port() -> inet:port_number().
listen_port() ->
    case {init:get_argument(hidden), init:get_argument(erl_epmd_port)} of
        {{ok, _}, error} -> 0;
        _ -> port()
    end.

%% @doc What nodes are called before the `@': `PODNAME_NODES=app,admin', or as this node is.
-spec node_names() -> [string()].
node_names() ->
    case items("PODNAME_NODES") of
        [] when node() =:= nonode@nohost -> [];
        [] -> [hd(string:split(atom_to_list(node()), "@"))];
        Names -> Names
    end.

%% @doc The domain of this namespace's pods: `PODNAME_DOMAIN=default.pod.cluster.local'.
-spec domain() -> {ok, string()} | {error, nodomain}.
domain() ->
    case os:getenv("PODNAME_DOMAIN", "") of
        "" -> domain_from(read("/etc/resolv.conf"), read(filename:join(service_account(), "namespace")));
        Text -> {ok, string:trim(Text, both, ".")}
    end.

%% @doc The same, or by the text of a service account's file, in the usual zone.
-spec domain_from(binary(), binary()) -> {ok, string()} | {error, nodomain}.
domain_from(Resolver, Namespace) ->
    case domain_from(Resolver) of
        {ok, Domain} -> {ok, Domain};
        {error, _} = Error when Namespace =:= <<>> -> Error;
        {error, _} -> {ok, string:trim(binary_to_list(Namespace)) ++ ".pod." ++ ?DEFAULT_ZONE}
    end.

%% @doc The domain of the pods by the text of a resolv.conf that a kubelet wrote.
-spec domain_from(binary()) -> {ok, string()} | {error, nodomain}.
domain_from(Resolver) ->
    Lines = [string:lexemes(Line, " \t\r") || Line <- string:split(binary_to_list(Resolver), "\n", all)],
    Domains = [string:split(string:trim(Domain, trailing, "."), ".svc.")
               || ["search" | Words] <- Lines, Domain <- Words],
    case [Namespace ++ ".pod." ++ Zone || [Namespace, Zone] <- Domains, is_label(Namespace)] of
        [Domain | _] -> {ok, Domain};
        [] -> {error, nodomain}
    end.

%% @doc The folder with the pod's token: `PODNAME_SERVICE_ACCOUNT' where it is mounted elsewhere.
-spec service_account() -> file:filename().
service_account() ->
    os:getenv("PODNAME_SERVICE_ACCOUNT", ?SERVICE_ACCOUNT).

%% @doc What is wrong in the environment, for people.
-spec problems() -> [string()].
problems() ->
    Source = [io_lib:format("PODNAME_SOURCE=~ts is neither dns nor kubernetes: dns is used", [Value])
              || Value <- items("PODNAME_SOURCE"), Value =/= "dns", Value =/= "kubernetes"],
    Servers = [io_lib:format("PODNAME_DNS: ~ts is no address (10.43.0.53, 10.43.0.53:1053 or"
                             " [fd00::53]:1053): it is left out", [Text])
               || Text <- items("PODNAME_DNS"), server(Text) =:= error],
    Ports = [io_lib:format("PODNAME_DIST_PORT=~ts is no port: ~w is used", [Text, ?DEFAULT_PORT])
             || Text <- items("PODNAME_DIST_PORT"), port_or(Text, 0) =:= 0],
    Domains = [io_lib:format("PODNAME_DOMAIN=~ts is no domain name: short names will not be found", [Text])
               || Text <- items("PODNAME_DOMAIN"), not is_host(string:trim(Text, both, "."))],
    [lists:flatten(Line) || Line <- Source ++ Servers ++ Ports ++ Domains].

%% @doc The address that a host is, if it is one rather than a name.
-spec address(term(), inet | inet6) -> {ok, inet:ip_address()} | {error, eafnosupport} | none.
address(Host, Family) when is_atom(Host) ->
    address(atom_to_list(Host), Family);
address(Host, Family) ->
    case {of_family(Host, inet), of_family(Host, inet6)} of
        {none, none} -> none;
        {Address, _} when Family =:= inet, Address =/= none -> {ok, Address};
        {_, Address} when Family =:= inet6, Address =/= none -> {ok, Address};
        _ -> {error, eafnosupport}
    end.

%% @doc Whether a text can be one label of a node's name or of a host.
-spec is_label(string()) -> boolean().
is_label(Text) ->
    Text =/= [] andalso length(Text) =< 63 andalso lists:all(fun is_label_character/1, Text).

%% @doc Whether a text can be a host name: labels of 1 to 63 octets, 253 together.
-spec is_host(string()) -> boolean().
is_host(Text) ->
    length(Text) =< 253 andalso lists:all(fun is_label/1, string:split(Text, ".", all)).

%% @doc The whole name of a host: a short one is a pod of this namespace.
-spec qualified(string()) -> {ok, string()} | {error, nodomain}.
qualified(Host) ->
    case {lists:member($., Host), domain()} of
        {true, _} -> {ok, Host};
        {false, {ok, Domain}} -> {ok, Host ++ "." ++ Domain};
        {false, {error, _} = Error} -> Error
    end.

%% @doc The host in the name of a node on a pod, given as `POD.NAMESPACE.pod.ZONE'. Nodes that
%% shall meet have names of one form: the pod's name alone, or with what follows it in this node's.
-spec host_of(string()) -> string().
host_of(Pod) ->
    case string:split(atom_to_list(node()), "@") of
        [_, "nohost"] -> Pod;
        [_, Own] -> in_the_form_of(string:split(Own, "."), Pod)
    end.

in_the_form_of([_Short], Pod) ->
    hd(string:split(Pod, "."));
in_the_form_of([_, Suffix], Pod) ->
    {ok, Domain} = domain(),
    case string:split(Pod, "." ++ Domain, trailing) of
        [Name, ""] -> Name ++ "." ++ Suffix;
        _ -> Pod
    end.

of_family(Address, inet) when is_tuple(Address), tuple_size(Address) =:= 4 -> valid(Address);
of_family(Address, inet6) when is_tuple(Address), tuple_size(Address) =:= 8 -> valid(Address);
of_family(Text, Family) when is_list(Text) ->
    Parse = case Family of inet -> parse_ipv4strict_address; inet6 -> parse_ipv6strict_address end,
    try inet:Parse(Text) of
        {ok, Address} -> Address;
        {error, _} -> none
    catch error:_ -> none
    end;
of_family(_Host, _Family) -> none.

valid(Address) ->
    case inet:ntoa(Address) of
        {error, _} -> none;
        _ -> Address
    end.

is_label_character(Octet) ->
    (Octet >= $a andalso Octet =< $z) orelse (Octet >= $A andalso Octet =< $Z)
        orelse (Octet >= $0 andalso Octet =< $9) orelse Octet =:= $- orelse Octet =:= $_.

server("[" ++ Rest) ->
    case string:split(Rest, "]") of
        [Address, ":" ++ Port] -> server(Address, Port);
        [Address, ""] -> server(Address, "53");
        _ -> error
    end;
server(Text) ->
    case string:split(Text, ":", all) of
        [Address, Port] -> server(Address, Port);
        _ -> server(Text, "53")
    end.

server(Text, Port) ->
    case {inet:parse_strict_address(Text), port_or(Port, 0)} of
        {{ok, Address}, Number} when Number > 0 -> {ok, {Address, Number}};
        _ -> error
    end.

environment_port() ->
    port_or(os:getenv("PODNAME_DIST_PORT", ""), ?DEFAULT_PORT).

port_or(Text, Default) ->
    case string:to_integer(Text) of
        {Port, ""} when Port > 0, Port < 65536 -> Port;
        _ -> Default
    end.

items(Variable) ->
    string:lexemes(os:getenv(Variable, ""), ", ").

read(Path) ->
    case file:read_file(Path) of
        {ok, Content} -> Content;
        {error, _} -> <<>>
    end.
