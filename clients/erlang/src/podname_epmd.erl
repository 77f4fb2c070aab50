%% @doc Erlang nodes find each other by pod name: a module for `erl -epmd_module podname_epmd'.
%%
%% Distribution asks a module like this one three things: on which port to listen, where another
%% node is, and which nodes a host has. epmd answers them with a daemon on each host; this module
%% answers with podname, or with the Kubernetes API where no podname runs. Neither a daemon nor a
%% Service nor a StatefulSet is needed: a node is where its pod is.
%%
%% Most callbacks run inside the process `net_kernel', and with it stops all of distribution: if one
%% raises, the virtual machine ends; while one waits, no node can connect. So every question is asked
%% by a process of its own, which may fail as it likes and is killed after {@link within/2} has
%% waited long enough; and whatever is not a node, a host or a family gets an error as its answer.
%%
%% Sources: https://www.erlang.org/doc/apps/erts/alt_disco.html and, for what is really called,
%% OTP's `inet_tcp_dist', `inet_tls_dist', `net_kernel' and `net_adm' (23 to 28).
-module(podname_epmd).

-export([start_link/0, register_node/2, register_node/3, listen_port_please/2]).
-export([address_please/3, port_please/2, port_please/3, names/0, names/1]).
-export([hosts/0, hosts/1]).
-export_type([reason/0, place/0]).

-type reason() :: atom() | {http, pos_integer()}.
%% Why there is no answer: `nxdomain' (no such pod), `timeout', `forbidden', `einval', ...
-type place() :: {inet:ip_address(), inet:port_number()}.
%% Where a node is.
-type text() :: atom() | string() | binary().

%% A source of answers. Both run in a process of their own and may raise and wait.
-callback find(Name :: string(), Host :: string(), inet | inet6) ->
    {ok, place()} | {error, reason()}.
-callback pods(Namespace :: string() | own) -> {ok, [string()]} | {error, reason()}.
-callback start() -> ok.

%% The version of the distribution protocol: that of all OTP from 23 on.
-define(VERSION, 6).
%% net_kernel may lose half a second: this much to wait, the rest for starting and being scheduled.
-define(WAIT_MILLISECONDS, 450).
%% Before there is a net_kernel there is more time; but a node starts in any case.
-define(START_MILLISECONDS, 2000).
%% Nobody's net_kernel waits for the list of a whole namespace.
-define(LIST_MILLISECONDS, 10000).

%% @doc Say at once what is wrong with the configuration; there is nothing to supervise.
-spec start_link() -> ignore.
start_link() ->
    quietly(ignore, fun() ->
        [logger:warning("podname_epmd: ~ts", [Problem]) || Problem <- podname_epmd_config:problems()],
        Source = podname_epmd_config:source(),
        _ = within(?START_MILLISECONDS, fun() -> Source:start() end),
        ignore
    end).

%% @doc As {@link register_node/3}; what the documentation of OTP speaks of.
-spec register_node(_, _) -> {ok, pos_integer()}.
register_node(Name, Port) ->
    register_node(Name, Port, inet).

%% @doc There is nowhere to register: the pod's name and address are known to Kubernetes.
%% The creation tells this incarnation of the node from others; 0 to 3 are those of old releases.
-spec register_node(_, _, _) -> {ok, pos_integer()}.
register_node(_Name, _Port, _Family) ->
    {ok, 3 + rand:uniform(16#FFFFFFFF - 3)}.

%% @doc The port to listen on: the fixed one; any for a hidden node such as a remote shell.
-spec listen_port_please(_, _) -> {ok, inet:port_number()}.
listen_port_please(_Name, _Host) ->
    quietly({ok, 0}, fun() -> {ok, podname_epmd_config:listen_port()} end).

%% @doc Where a node is, and its port, so that nobody needs to ask for that.
-spec address_please(_, _, _) ->
    {ok, inet:ip_address(), inet:port_number(), ?VERSION} | {error, reason()}.
address_please(Name, Host, Family) ->
    case find(Name, Host, Family) of
        {ok, {Address, Port}} -> {ok, Address, Port, ?VERSION};
        {error, _} = Error -> Error
    end.

%% @doc The port of a node on a host. Distribution itself has it from {@link address_please/3}.
-spec port_please(_, _) -> {port, inet:port_number(), ?VERSION} | noport.
port_please(Name, Host) ->
    case find(Name, Host, inet) of
        {ok, {_, Port}} -> {port, Port, ?VERSION};
        {error, timeout} -> noport;
        {error, _} -> port_by_ipv6(find(Name, Host, inet6))
    end.

port_by_ipv6({ok, {_, Port}}) -> {port, Port, ?VERSION};
port_by_ipv6({error, _}) -> noport.

%% @doc As {@link port_please/2}, which has a deadline of its own.
-spec port_please(_, _, _) -> {port, inet:port_number(), ?VERSION} | noport.
port_please(Name, Host, _Timeout) ->
    port_please(Name, Host).

%% @doc The nodes of this host.
-spec names() -> {ok, [{string(), inet:port_number()}]} | {error, address}.
names() ->
    names(net_adm:localhost()).

%% @doc The nodes of a host, for `net_adm:world_list/1': of the names that nodes here have (this
%% node's own, unless configured), those whose address is known. Whether they run, a ping tells.
-spec names(_) -> {ok, [{string(), inet:port_number()}]} | {error, address}.
names(Host) ->
    Names = quietly([], fun podname_epmd_config:node_names/0),
    Ports = [{Name, port_please(Name, Host)} || Name <- Names],
    case [{Name, Port} || {Name, {port, Port, _}} <- Ports] of
        [] -> {error, address};
        Found -> {ok, Found}
    end.

%% @doc The hosts of all pods of this namespace: `net_adm:world_list(podname_epmd:hosts())'.
-spec hosts() -> [atom()].
hosts() ->
    list(own).

%% @doc The hosts of all pods of a namespace. They become atoms, as `net_adm' wants them.
-spec hosts(text()) -> [atom()].
hosts(Namespace) ->
    case text(Namespace) of
        {ok, Name} -> list(Name);
        {error, _} -> []
    end.

%% @private One question to the source, or none if the host is an address.
find(Name, Host, Family) when Family =:= inet; Family =:= inet6 ->
    quietly({error, einval}, fun() ->
        case podname_epmd_config:address(Host, Family) of
            {ok, Address} -> {ok, {Address, podname_epmd_config:port()}};
            {error, _} = Error -> Error;
            none -> find_by_name(text(Name), text(Host), Family)
        end
    end);
find(_Name, _Host, _Family) ->
    {error, eafnosupport}.

find_by_name({ok, Name}, {ok, Host}, Family) ->
    Source = podname_epmd_config:source(),
    case podname_epmd_config:is_label(Name) andalso podname_epmd_config:is_host(Host) of
        true -> within(?WAIT_MILLISECONDS, fun() -> Source:find(Name, Host, Family) end);
        false -> {error, einval}
    end;
find_by_name(_Name, _Host, _Family) ->
    {error, einval}.

list(Namespace) ->
    quietly([], fun() ->
        Source = podname_epmd_config:source(),
        case within(?LIST_MILLISECONDS, fun() -> Source:pods(Namespace) end) of
            {ok, Pods} -> [list_to_atom(podname_epmd_config:host_of(Pod)) || Pod <- Pods];
            {error, Reason} -> complain(Namespace, Reason)
        end
    end).

complain(Namespace, Reason) ->
    logger:warning("podname_epmd: no list of the pods of namespace ~ts: ~p", [Namespace, Reason]),
    [].

%% Whatever spells a name, as a string. An improper list and a list of no characters do not.
text(Text) when is_atom(Text) -> {ok, atom_to_list(Text)};
text(Text) when is_binary(Text) -> text(binary_to_list(Text));
text(Text) when is_list(Text) ->
    try {ok, binary_to_list(list_to_binary(Text))}
    catch error:_ -> {error, einval}
    end;
text(_Text) -> {error, einval}.

%% @doc Work for so long, in a process that takes its failures and its sockets with it.
%% It leaves with `exit' in any case: an error would be logged, again with every connection.
-spec within(pos_integer(), fun(() -> Answer)) -> Answer | {error, reason()}.
within(Milliseconds, Work) ->
    {Worker, Monitor} = spawn_monitor(fun() -> exit({answer, quietly({error, einval}, Work)}) end),
    receive
        {'DOWN', Monitor, process, Worker, {answer, Answer}} -> Answer;
        {'DOWN', Monitor, process, Worker, _Killed} -> {error, einval}
    after Milliseconds ->
        exit(Worker, kill),
        demonitor(Monitor, [flush]),
        {error, timeout}
    end.

quietly(Otherwise, Work) ->
    try Work()
    catch _:_ -> Otherwise
    end.
