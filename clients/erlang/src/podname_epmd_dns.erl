%% @doc Where a node is, by podname's DNS.
%%
%% `app@POD' is asked for as the SRV record `_app._tcp.POD', which has the port of just that node;
%% without one, the pod's address and the fixed port count. The pods of a namespace are the SRV
%% records of `_all.NAMESPACE.pod.ZONE'; those of a workload, of `WORKLOAD.KIND.NAMESPACE.pod.ZONE'.
%%
%% OTP's `inet_res' asks, with the server given and with nothing else of its configuration: no search
%% list, no cache. A datagram that got lost is sent again after a tenth of a second; that leaves time
%% for a second server when the first is dead. Where the SRV question fails the address is asked for
%% all the same, except after silence: then there would be silence again.
%%
%% Some patches of OTP (28.4.2 and what was taken back from it, as Debian's 27.3.4.1) take every truncated
%% answer for malformed, and never turn to TCP. So what is malformed is asked for once more, over TCP.
%%
%% Sources: RFC 2782; https://www.erlang.org/doc/apps/kernel/inet_res.html; erlang/otp#11114
-module(podname_epmd_dns).
-behaviour(podname_epmd).

-export([start/0, find/3, pods/1]).

%% inet_res waits half of this, then the whole, for each server: 100 ms, 200 ms.
-define(TIMEOUT_MILLISECONDS, 200).
%% For a list, which nobody's net_kernel waits for.
-define(LIST_TIMEOUT_MILLISECONDS, 2000).
-define(TRIES, 2).
%% Less than what inet_res would pause for after SERVFAIL: then it goes on to the next server.
-define(LOOKUP_MILLISECONDS, 1000).
-define(LIST_MILLISECONDS, 9000).

start() ->
    ok.

find(Name, Host, Family) ->
    case podname_epmd_config:qualified(Host) of
        {ok, Whole} -> find_pod(service_name(Name, Whole), Whole, Family);
        {error, _} = Error -> Error
    end.

find_pod(Service, Host, Family) ->
    case lookup(Service, srv) of
        {ok, [_ | _] = Records} -> at_target(lists:sort(Records), Family);
        {error, timeout} -> {error, timeout};
        _None -> at(Host, podname_epmd_config:port(), Family)
    end.

at_target([{_Priority, _Weight, Port, Target} | _], Family) ->
    at(Target, Port, Family).

at(Host, Port, Family) ->
    case lookup(Host, type(Family)) of
        {ok, [Address | _]} -> {ok, {Address, Port}};
        {ok, []} -> {error, nxdomain};
        {error, _} = Error -> Error
    end.

%% A name too long for a label or a whole name has no SRV record, and the question has no form.
service_name(Name, Host) ->
    Service = "_" ++ Name ++ "._tcp." ++ Host,
    case podname_epmd_config:is_host(Service) of
        true -> Service;
        false -> none
    end.

%% `own', a namespace, or any name with SRV records of pods.
pods(Wish) ->
    case podname_epmd_config:domain() of
        {ok, Domain} -> targets(name_of(Wish, Domain));
        {error, _} = Error -> Error
    end.

name_of(own, Domain) -> "_all." ++ Domain;
name_of(Wish, Domain) ->
    case lists:member($., Wish) of
        true -> Wish;
        false -> "_all." ++ Wish ++ lists:dropwhile(fun(Character) -> Character =/= $. end, Domain)
    end.

targets(Name) ->
    case lookup(Name, srv, ?LIST_TIMEOUT_MILLISECONDS, ?LIST_MILLISECONDS) of
        {ok, Records} -> {ok, lists:usort([Target || {_, _, _, Target} <- Records])};
        {error, _} = Error -> Error
    end.

lookup(none, _Type) ->
    {ok, []};
lookup(Name, Type) ->
    lookup(Name, Type, ?TIMEOUT_MILLISECONDS, ?LOOKUP_MILLISECONDS).

-spec lookup(string(), srv | a | aaaa, pos_integer(), pos_integer()) ->
    {ok, [term()]} | {error, podname_epmd:reason()}.
lookup(Name, Type, Timeout, Whole) ->
    case resolve(Name, Type, options(Timeout), Whole) of
        {error, formerr} -> resolve(Name, Type, [{usevc, true} | options(Timeout)], Whole);
        Answer -> Answer
    end.

resolve(Name, Type, Options, Whole) ->
    case inet_res:resolve(Name, in, Type, Options, Whole) of
        {ok, Message} -> said(Message, Name, Type);
        {error, {Reason, _Message}} -> {error, Reason};
        {error, Reason} -> {error, Reason}
    end.

%% OTP 23 and 24 do not look whether it is their question that is answered.
said(Message, Name, Type) ->
    Asked = [{string:lowercase(inet_dns:dns_query(Query, domain)), inet_dns:dns_query(Query, type)}
             || Query <- inet_dns:msg(Message, qdlist)],
    case Asked =:= [{string:lowercase(Name), Type}] of
        true -> {ok, data(Message, Type)};
        false -> {error, noquery}
    end.

data(Message, Type) ->
    Records = [inet_dns:rr(Record) || Record <- inet_dns:msg(Message, anlist)],
    [proplists:get_value(data, Record) || Record <- Records, proplists:get_value(type, Record) =:= Type].

options(Timeout) ->
    Servers = [{nameservers, Servers} || [_ | _] = Servers <- [podname_epmd_config:servers()]],
    Servers ++ [{timeout, Timeout}, {retry, ?TRIES}].

type(inet) -> a;
type(inet6) -> aaaa.
