%% @doc An API server on loopback: HTTPS with an authority of its own, and a service account's folder.
%%
%% `start(Answer)': a function from the path and the headers to `{Status, Body}', or a fault:
%% `silent' (accepts, reads, says nothing), `deaf' (not even TLS), `garbage' (no HTTP), `torn' (half of a body).
-module(fake_api).

-export([start/1, start/2, stop/1, variables/1, asked/1]).
-export([pod/2, list/2, envelope/2]).

-include_lib("public_key/include/public_key.hrl").

start(Answer) ->
    start(Answer, <<127, 0, 0, 1>>).

%% @doc The address is the one in its certificate, and one of 16 octets is listened on.
start(Answer, Certified) ->
    {ok, _} = application:ensure_all_started(ssl),
    {Tls, Authorities} = certificates(Certified),
    Address = case byte_size(Certified) of 16 -> {0, 0, 0, 0, 0, 0, 0, 1}; 4 -> {127, 0, 0, 1} end,
    {ok, Listener} = ssl:listen(0, [binary, {ip, Address}, {active, false}, {reuseaddr, true},
                                    {log_level, emergency} | Tls]),
    {ok, {_, Port}} = ssl:sockname(Listener),
    Folder = account(Authorities),
    Log = spawn(fun() -> log([]) end),
    {Server, _} = spawn_monitor(fun() -> serve(Listener, Answer, Log) end),
    ok = ssl:controlling_process(Listener, Server),
    #{server => Server, host => inet:ntoa(Address), port => Port, folder => Folder, log => Log}.

stop(#{server := Server, folder := Folder, log := Log}) ->
    exit(Server, kill),
    receive {'DOWN', _, process, Server, _} -> ok end,
    exit(Log, kill),
    [file:delete(filename:join(Folder, File)) || File <- ["token", "ca.crt", "namespace"]],
    ok = file:del_dir(Folder).

%% @doc The environment of a pod whose API server this is.
variables(#{host := Host, port := Port, folder := Folder}) ->
    [
        {"PODNAME_SOURCE", "kubernetes"},
        {"PODNAME_DOMAIN", "default.pod.cluster.local"},
        {"PODNAME_SERVICE_ACCOUNT", Folder},
        {"KUBERNETES_SERVICE_HOST", Host},
        {"KUBERNETES_SERVICE_PORT", integer_to_list(Port)}
    ].

asked(#{log := Log}) ->
    Log ! {asked, self()},
    receive {Log, Requests} -> Requests end.

log(Requests) ->
    receive
        {request, Request} -> log([Request | Requests]);
        {asked, From} -> From ! {self(), lists:reverse(Requests)}, log(Requests)
    end.

serve(Listener, Answer, Log) ->
    {ok, Socket} = ssl:transport_accept(Listener),
    Worker = spawn(fun() -> receive go -> connection(Socket, Answer, Log) end end),
    ok = ssl:controlling_process(Socket, Worker),
    Worker ! go,
    serve(Listener, Answer, Log).

connection(_Socket, deaf, _Log) ->
    receive after infinity -> ok end;
connection(Socket, Answer, Log) ->
    case ssl:handshake(Socket, 5000) of
        {ok, Secure} -> talk(Secure, Answer, Log);
        {error, _Refused} -> ok
    end.

talk(Socket, Answer, Log) ->
    {Path, Headers} = request(Socket, <<>>),
    Log ! {request, Path},
    say(Socket, Answer, Path, Headers),
    ssl:close(Socket).

request(Socket, Sofar) ->
    case binary:split(Sofar, <<"\r\n\r\n">>) of
        [Head, <<>>] ->
            [First | Lines] = binary:split(Head, <<"\r\n">>, [global]),
            [<<"GET">>, Path, _] = binary:split(First, <<" ">>, [global]),
            Pairs = [binary:split(Line, <<": ">>) || Line <- Lines],
            {binary_to_list(Path), maps:from_list([{string:lowercase(Name), Value} || [Name, Value] <- Pairs])};
        _ ->
            {ok, More} = ssl:recv(Socket, 0),
            request(Socket, <<Sofar/binary, More/binary>>)
    end.

say(Socket, silent, _, _) -> ssl:recv(Socket, 0);
say(Socket, garbage, _, _) -> ssl:send(Socket, <<0, 255, "nothing that is HTTP\r\n\r\n">>);
say(Socket, torn, _, _) -> ssl:send(Socket, "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\nk8s");
say(Socket, Answer, Path, Headers) ->
    {Status, Body} = Answer(Path, Headers),
    Head = ["HTTP/1.1 ", integer_to_list(Status), " Word\r\ncontent-length: ", integer_to_list(iolist_size(Body))],
    ssl:send(Socket, [Head, "\r\nconnection: close\r\n\r\n", Body]).

account(Authorities) ->
    Name = "podname-epmd-" ++ integer_to_list(erlang:unique_integer([positive])) ++ "-" ++ os:getpid(),
    Folder = filename:join(os:getenv("TMPDIR", "/tmp"), Name),
    ok = file:make_dir(Folder),
    Entries = [{'Certificate', Der, not_encrypted} || Der <- Authorities],
    ok = file:write_file(filename:join(Folder, "ca.crt"), public_key:pem_encode(Entries)),
    ok = file:write_file(filename:join(Folder, "token"), "secret\n"),
    ok = file:write_file(filename:join(Folder, "namespace"), "default"),
    Folder.

certificates(Certified) ->
    Names = #'Extension'{extnID = ?'id-ce-subjectAltName', critical = false,
                         extnValue = [{iPAddress, Certified}, {dNSName, "kubernetes"}]},
    Key = [{key, {namedCurve, secp256r1}}, {digest, sha256}], % OTP 27 trusts no SHA-1 any more
    Chain = #{root => Key, intermediates => [], peer => [{extensions, [Names]} | Key]},
    #{server_config := Server, client_config := Client} =
        public_key:pkix_test_data(#{server_chain => Chain, client_chain => Chain#{peer => Key}}),
    {Server, proplists:get_value(cacerts, Client)}.

%% Objects as the API server writes them, with fields around those that count.

pod(Name, Status) ->
    Metadata = [field(1, Name), field(3, "default"), field(5, "uid"), field(11, [field(1, "app"), field(2, "web")])],
    Ports = [field(6, [field(1, Label), number(2, 0), number(3, Port), field(4, "TCP")])
             || {Label, Port} <- maps:get(ports, Status, [])],
    Spec = [field(2, [field(1, "main"), field(2, "image"), Ports]), number(4, 30), field(3, "Always")],
    Addresses = maps:get(addresses, Status, ["10.42.1.3"]),
    State = [field(1, maps:get(phase, Status, "Running")), [field(6, First) || [First | _] <- [Addresses]],
             [field(12, field(1, Address)) || Address <- Addresses], number(17, 1)],
    [field(1, Metadata), field(2, Spec), field(3, State)].

list(Pods, Continue) ->
    [field(1, [field(2, "4711"), field(3, Continue)]), [field(2, Pod) || Pod <- Pods]].

envelope(Kind, Object) ->
    [<<"k8s", 0>>, field(1, [field(1, "v1"), field(2, Kind)]), field(2, Object), field(3, ""), field(4, "")].

field(Number, Content) ->
    [varint(Number bsl 3 bor 2), varint(iolist_size(Content)), Content].

number(Number, Value) ->
    [varint(Number bsl 3), varint(Value)].

varint(Value) when Value < 128 -> <<Value>>;
varint(Value) -> [<<1:1, Value:7>> | [varint(Value bsr 7)]].
