%% @doc The two promises: no callback ever raises, and none keeps net_kernel waiting.
-module(podname_epmd_tests).

-include_lib("eunit/include/eunit.hrl").

-define(ROUNDS, 400).

%% Every callback has an answer of its documented form for whatever it is given.
whatever_it_is_given_test_() ->
    {timeout, 60, fun() ->
        Server = fake_dns:start(nxdomain),
        Variables = [{"PODNAME_DNS", fake_dns:address(Server)}, {"PODNAME_DOMAIN", "default.pod.cluster.local"}],
        environment:with(Variables, fun() -> [hostile_round() || _ <- lists:seq(1, ?ROUNDS)] end),
        fake_dns:stop(Server)
    end}.

hostile_round() ->
    {Name, Host, Family} = {anything(), anything(), pick([inet, inet6, local, anything()])},
    Given = {Name, Host, Family},
    ?assert(is_place(podname_epmd:address_please(Name, Host, Family)), Given),
    ?assert(is_port_answer(podname_epmd:port_please(Name, Host)), Given),
    ?assert(is_port_answer(podname_epmd:port_please(Name, Host, Family)), Given),
    ?assertMatch({ok, 4370}, podname_epmd:listen_port_please(Name, Host), Given),
    ?assertMatch({ok, Creation} when Creation > 3, podname_epmd:register_node(Name, Host), Given),
    ?assertMatch({ok, Creation} when Creation > 3, podname_epmd:register_node(Name, Host, Family), Given),
    ?assert(is_names(podname_epmd:names(Host)), Given).

is_place({ok, Address, Port, 6}) -> is_tuple(Address) andalso Port > 0;
is_place({error, Reason}) -> is_atom(Reason).

is_port_answer({port, Port, 6}) -> Port > 0;
is_port_answer(noport) -> true.

is_names({ok, Names}) -> is_list(Names);
is_names({error, address}) -> true.

anything() ->
    pick([
        "app", "", ".", "..", "a..b", ".a", "a.", lists:duplicate(64, $a), lists:duplicate(63, $a),
        lists:duplicate(100000, $x), lists:append(lists:duplicate(90, "a.b.")), "web-1.default.pod.cluster.local",
        "with space", "back\\slash", [0], [255, 254], [1024, 8364], "ünïcode", "a@b", "*", "_x._tcp", "%00",
        "1.2.3.4", "1.2.3.4.5", "::1", "fe80::1%lo", "1.2", "0x7f000001", "localhost",
        'an atom', '', app, undefined, true, <<"binary">>, <<>>, <<1:3>>, <<255, 0>>,
        [improper | list], [$a | <<"b">>], [[$a, [$b]], <<"c">>], [{deep}], "abc" ++ atom,
        0, -1, 1.5, 1 bsl 200, self(), make_ref(), fun() -> ok end, #{}, #{a => 1}, {}, {a},
        {1, 2, 3, 4}, {256, 0, 0, 0}, {a, b, c, d}, {-1, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 1},
        {1, 2, 3, 4, 5, 6, 7, 70000}, {1, 2, 3}, {ok, {1, 2, 3, 4}}, hd([open_port({spawn, "true"}, [])]),
        [rand:uniform(300) - 1 || _ <- lists:seq(1, rand:uniform(300))],
        list_to_binary([rand:uniform(256) - 1 || _ <- lists:seq(1, rand:uniform(300))])
    ]).

pick(Values) ->
    lists:nth(rand:uniform(length(Values)), Values).

%% A callback whose configuration makes no sense goes on with the default.
whatever_is_configured_test_() ->
    Values = ["", " ", ",", "banana", "999.1.1.1", "1.2.3.4:0", "1.2.3.4:70000", "1.2.3.4:x", "[::1", "[::1]x", ":53", "..",
              lists:duplicate(5000, $a)],
    [{Variable ++ "=" ++ lists:sublist(Value, 20), fun() ->
        Server = fake_dns:start(nxdomain),
        Good = [{"PODNAME_DNS", fake_dns:address(Server)}, {"PODNAME_DOMAIN", "default.pod.cluster.local"}],
        environment:with([{Variable, Value} | Good], fun() ->
            ?assertEqual(ignore, podname_epmd:start_link()),
            ?assert(is_place(podname_epmd:address_please("app", "web-1", inet))),
            ?assertEqual({ok, 4370}, podname_epmd:listen_port_please("app", "web-1")),
            ?assert(is_names(podname_epmd:names("web-1"))),
            ?assertEqual([], podname_epmd:hosts())
        end),
        fake_dns:stop(Server)
    end} || Variable <- ["PODNAME_SOURCE", "PODNAME_DOMAIN", "PODNAME_DIST_PORT", "PODNAME_NODES"], Value <- Values].

%% With every source silent, each callback that asks comes back in time, and leaves nothing behind.
silence_costs_half_a_second_test_() ->
    {timeout, 60, fun() ->
        Server = fake_dns:start(silent),
        Api = fake_api:start(silent),
        Dns = [{"PODNAME_DNS", string:join(lists:duplicate(5, fake_dns:address(Server)), ",")},
               {"PODNAME_DOMAIN", "default.pod.cluster.local"}],
        environment:with(Dns, fun() -> in_time(0) end),
        environment:with(fake_api:variables(Api), fun() -> in_time(8) end), % both ends of connections that OTP's client gives up later
        fake_api:stop(Api),
        fake_dns:stop(Server)
    end}.

in_time(Left) ->
    Before = erlang:system_info(port_count),
    Ask = fun() -> podname_epmd:address_please("app", "web-1", inet) end,
    ?assertEqual({error, timeout}, Ask()),
    ?assert(environment:in_time(Ask)),
    ?assertEqual({messages, []}, process_info(self(), messages)),
    ?assert(becomes_true(fun() -> erlang:system_info(port_count) =< Before + Left end, 500)).

%% A process that was killed closes its socket soon after.
becomes_true(Condition, 0) -> Condition();
becomes_true(Condition, Left) ->
    Condition() orelse receive after 10 -> becomes_true(Condition, Left - 1) end.

%% A message that arrives while it waits stays where it is.
other_messages_are_kept_test() ->
    Self = self(),
    Server = fake_dns:start(silent),
    environment:with([{"PODNAME_DNS", fake_dns:address(Server)}, {"PODNAME_DOMAIN", "default.pod.cluster.local"}], fun() ->
        Self ! {'DOWN', make_ref(), process, self(), one},
        spawn(fun() -> Self ! two end),
        podname_epmd:address_please("app", "web-1", inet),
        receive {'DOWN', _, process, _, one} -> ok after 0 -> ?assert(false) end,
        receive two -> ok after 0 -> ?assert(false) end
    end),
    fake_dns:stop(Server).

a_creation_is_new_each_time_test() ->
    Creations = [Creation || _ <- lists:seq(1, 100), {ok, Creation} <- [podname_epmd:register_node("app", 4370, inet)]],
    ?assertEqual(100, length(lists:usort(Creations))),
    ?assert(lists:all(fun(Creation) -> Creation > 3 andalso Creation < 1 bsl 32 end, Creations)).
