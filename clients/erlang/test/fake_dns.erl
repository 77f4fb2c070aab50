%% @doc A DNS server on loopback, UDP and TCP on one port, that says what a test wants.
%%
%% `start(Answers)': by name and type, a list of record data, or one fault for everything:
%% `silent', `garbage', `cut' (half of the answer), `truncated' (TC over UDP, whole over TCP),
%% `foreign' (the answer to another question), `nxdomain', `servfail', `refused', `flood' (of answers with a wrong id).
-module(fake_dns).

-export([start/1, start/2, stop/1, address/1, asked/1]).

-include_lib("kernel/src/inet_dns.hrl").

start(Answers) ->
    start(Answers, {127, 0, 0, 1}).

start(Answers, Address) ->
    Self = self(),
    {Pid, _} = spawn_monitor(fun() -> open(Self, Answers, Address) end),
    receive {Pid, Port} -> {Pid, Address, Port} end.

address({_Pid, Address, Port}) ->
    case inet:ntoa(Address) of
        [_ | _] = Text when tuple_size(Address) =:= 8 -> lists:concat(["[", Text, "]:", Port]);
        Text -> lists:concat([Text, ":", Port])
    end.

%% @doc What was asked since, in order.
asked({Pid, _, _}) ->
    Pid ! {asked, self()},
    receive {Pid, asked, Questions} -> Questions end.

stop({Pid, _, _}) ->
    exit(Pid, kill),
    receive {'DOWN', _, process, Pid, _} -> ok end.

open(Parent, Answers, Address) ->
    Options = [binary, {ip, Address}, {reuseaddr, true}],
    {ok, Datagrams} = gen_udp:open(0, Options),
    {ok, Port} = inet:port(Datagrams),
    case gen_tcp:listen(Port, [{packet, 2}, {active, false} | Options]) of
        {ok, Listener} ->
            Self = self(),
            spawn_link(fun() -> streams(Listener, Answers, Self) end),
            Parent ! {self(), Port},
            loop(Datagrams, Answers, []);
        {error, eaddrinuse} ->
            gen_udp:close(Datagrams),
            open(Parent, Answers, Address)
    end.

loop(Socket, Answers, Asked) ->
    receive
        {udp, Socket, Address, Port, Packet} ->
            {Question, Reply} = reply(Packet, Answers, udp),
            [gen_udp:send(Socket, Address, Port, Part) || Part <- Reply],
            loop(Socket, Answers, [Question | Asked]);
        {tcp, Question} ->
            loop(Socket, Answers, [{tcp, Question} | Asked]);
        {asked, From} ->
            From ! {self(), asked, lists:reverse(Asked)},
            loop(Socket, Answers, [])
    end.

streams(Listener, Answers, Server) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    {ok, Packet} = gen_tcp:recv(Socket, 0),
    {Question, Reply} = reply(Packet, Answers, tcp),
    Server ! {tcp, Question},
    [gen_tcp:send(Socket, Part) || Part <- Reply],
    streams(Listener, Answers, Server).

reply(Packet, Answers, Way) ->
    {ok, #dns_rec{qdlist = [#dns_query{domain = Name, type = Type}]} = Message} = inet_dns:decode(Packet),
    {{string:lowercase(Name), Type}, answer(Message, Answers, Way)}.

answer(_, silent, _) -> [];
answer(_, garbage, _) -> [<<"this is no DNS message, but long enough for a header">>];
answer(Message, nxdomain, _) -> [code(Message, 3)];
answer(Message, servfail, _) -> [code(Message, 2)];
answer(Message, refused, _) -> [code(Message, 5)];
answer(#dns_rec{header = Header} = Message, flood, _) ->
    Other = Message#dns_rec{header = Header#dns_header{id = (Header#dns_header.id + 1) rem 65536}},
    lists:duplicate(200, code(Other, 0));
answer(Message, {foreign, Answers}, _) ->
    Whole = records(Message, Answers),
    [encoded(Whole#dns_rec{qdlist = [#dns_query{domain = "other.example", type = a, class = in}]})];
answer(Message, {cut, Answers}, _) ->
    Whole = encoded(records(Message, Answers)),
    [binary:part(Whole, 0, byte_size(Whole) - 3)];
answer(Message, {truncated, _Answers}, udp) ->
    #dns_rec{header = Header} = Empty = records(Message, #{}),
    [encoded(Empty#dns_rec{header = Header#dns_header{tc = true, rcode = 0}})];
answer(Message, {truncated, Answers}, tcp) -> [encoded(records(Message, Answers))];
answer(Message, Answers, _) -> [encoded(records(Message, Answers))].

code(#dns_rec{header = Header} = Message, Code) ->
    encoded(Message#dns_rec{header = Header#dns_header{qr = true, rcode = Code}}).

records(#dns_rec{header = Header, qdlist = [#dns_query{domain = Name, type = Type}]} = Message, Answers) ->
    Key = string:lowercase(Name),
    Found = maps:get({Key, Type}, Answers, []),
    Code = case [Owner || {Owner, _} <- maps:keys(Answers), Owner =:= Key] of [] -> 3; _ -> 0 end,
    Records = [#dns_rr{domain = Name, type = Type, class = in, ttl = 5, data = Data} || Data <- Found],
    Message#dns_rec{header = Header#dns_header{qr = true, rcode = Code}, anlist = Records}.

encoded(Message) ->
    inet_dns:encode(Message).
