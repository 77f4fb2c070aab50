%% @doc What the Kubernetes API says about pods, taken out of its Protobuf.
%%
%% The API server speaks JSON and, for all of its own objects, Protobuf. OTP reads JSON since 27
%% only; Protobuf is a few patterns on binaries, half as long on the wire, and what is not needed is
%% stepped over. A message is a list of fields: a number and a length-delimited part, or a varint.
%% Around it, four letters and an envelope say what it is.
%%
%% Sources: https://protobuf.dev/programming-guides/encoding/;
%% https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding;
%% the field numbers: k8s.io/api/core/v1/generated.proto, k8s.io/apimachinery (meta/v1, runtime).
-module(podname_epmd_pod).

-export([pod/1, pods/1, name/1, address/2, port/2]).
-export_type([pod/0]).

-define(MAGIC, "k8s", 0).
-define(UNKNOWN_RAW, 2).
-define(LIST_METADATA, 1).
-define(LIST_ITEMS, 2).
-define(LIST_METADATA_CONTINUE, 3).
-define(POD_METADATA, 1).
-define(POD_SPEC, 2).
-define(POD_STATUS, 3).
-define(METADATA_NAME, 1).
-define(SPEC_CONTAINERS, 2).
-define(CONTAINER_PORTS, 6).
-define(PORT_NAME, 1).
-define(PORT_NUMBER, 3).
-define(PORT_PROTOCOL, 4).
-define(STATUS_PHASE, 1).
-define(STATUS_POD_IP, 6).
-define(STATUS_POD_IPS, 12).
-define(POD_IP_IP, 1).

-record(pod, {name, phase, addresses, ports}).
-opaque pod() :: #pod{}.

%% @doc The pod of an answer.
-spec pod(binary()) -> pod().
pod(<<?MAGIC, Envelope/binary>>) ->
    read(only(?UNKNOWN_RAW, Envelope)).

%% @doc The pods of an answer, and the word with which to ask for more; empty at the end.
-spec pods(binary()) -> {[pod()], binary()}.
pods(<<?MAGIC, Envelope/binary>>) ->
    List = only(?UNKNOWN_RAW, Envelope),
    Pods = [read(Item) || Item <- all(?LIST_ITEMS, List)],
    {Pods, only(?LIST_METADATA_CONTINUE, only(?LIST_METADATA, List))}.

-spec name(pod()) -> string().
name(#pod{name = Name}) ->
    Name.

%% @doc The pod's address of a family, as long as it has not finished.
-spec address(pod(), inet | inet6) -> {ok, inet:ip_address()} | none.
address(#pod{phase = Phase}, _Family) when Phase =:= <<"Succeeded">>; Phase =:= <<"Failed">> ->
    none;
address(#pod{addresses = Addresses}, Family) ->
    Size = case Family of inet -> 4; inet6 -> 8 end,
    case [Address || Address <- Addresses, tuple_size(Address) =:= Size] of
        [Address | _] -> {ok, Address};
        [] -> none
    end.

%% @doc The TCP port that a container names like this. Kubernetes knows neither capitals nor
%% underscores there: `my-app' is the port of the node `my_app'.
-spec port(pod(), string()) -> {ok, inet:port_number()} | none.
port(#pod{ports = Ports}, Name) ->
    case lists:keyfind(port_name(Name), 1, Ports) of
        {_, Port} when Port > 0, Port < 65536 -> {ok, Port};
        _ -> none
    end.

port_name(Name) ->
    << <<(case Octet of $_ -> $-; _ -> Octet end)>> || <<Octet>> <= list_to_binary(string:lowercase(Name)) >>.

read(Pod) ->
    Status = only(?POD_STATUS, Pod),
    Listed = [only(?POD_IP_IP, Item) || Item <- all(?STATUS_POD_IPS, Status)],
    #pod{
        name = binary_to_list(only(?METADATA_NAME, only(?POD_METADATA, Pod))),
        phase = only(?STATUS_PHASE, Status),
        addresses = lists:append([parsed(Text) || Text <- Listed ++ all(?STATUS_POD_IP, Status)]),
        ports = [
            {only(?PORT_NAME, Port), only(?PORT_NUMBER, Port, 0)}
            || Container <- all(?SPEC_CONTAINERS, only(?POD_SPEC, Pod)),
               Port <- all(?CONTAINER_PORTS, Container),
               only(?PORT_PROTOCOL, Port, <<"TCP">>) =:= <<"TCP">>
        ]
    }.

parsed(Text) ->
    case inet:parse_strict_address(binary_to_list(Text)) of
        {ok, Address} -> [Address];
        {error, _} -> []
    end.

only(Number, Message) ->
    only(Number, Message, <<>>).

only(Number, Message, Default) ->
    case all(Number, Message) of
        [] -> Default;
        Values -> lists:last(Values)
    end.

%% The values of a field, in order.
all(_Number, <<>>) ->
    [];
all(Number, Message) ->
    {Tag, Rest} = varint(Message),
    {Value, Others} = value(Tag band 7, Rest),
    case Tag bsr 3 of
        Number -> [Value | all(Number, Others)];
        _Another -> all(Number, Others)
    end.

value(0, Message) -> varint(Message);
value(1, <<Value:64/little, Rest/binary>>) -> {Value, Rest};
value(2, Message) ->
    {Length, Rest} = varint(Message),
    <<Value:Length/binary, Others/binary>> = Rest,
    {Value, Others};
value(5, <<Value:32/little, Rest/binary>>) -> {Value, Rest}.

varint(Message) ->
    varint(Message, 0, 0).

varint(<<1:1, Bits:7, Rest/binary>>, Shift, Sum) when Shift < 63 ->
    varint(Rest, Shift + 7, Sum bor (Bits bsl Shift));
varint(<<0:1, Bits:7, Rest/binary>>, Shift, Sum) ->
    {Sum bor (Bits bsl Shift), Rest}.
