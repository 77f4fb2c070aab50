%% @doc Nodes found by DNS: the answers, and every way in which there is none.
-module(podname_epmd_dns_tests).

-include_lib("eunit/include/eunit.hrl").

-define(DOMAIN, "default.pod.cluster.local").

answers() ->
    #{
        {"_app._tcp.web-1." ?DOMAIN, srv} => [{20, 0, 1, "last." ?DOMAIN}, {10, 0, 9100, "web-1." ?DOMAIN}],
        {"web-1." ?DOMAIN, a} => [{10, 42, 1, 3}],
        {"web-1." ?DOMAIN, aaaa} => [{16#fd00, 0, 0, 0, 0, 0, 0, 3}],
        {"web-2." ?DOMAIN, a} => [{10, 42, 1, 4}],
        {"web-3.web.other.svc.cluster.local", a} => [{10, 42, 1, 5}],
        {"_all." ?DOMAIN, srv} => [{0, 0, 0, lists:concat(["web-", Number, "." ?DOMAIN])} || Number <- [2, 1, 1]],
        {"_all.other.pod.cluster.local", srv} => [{0, 0, 0, "web-3.other.pod.cluster.local"}],
        {"web.deploy." ?DOMAIN, srv} => [{0, 0, 0, "web-1." ?DOMAIN}]
    }.

asking(Answers, Work) -> asking(Answers, [], Work).

asking(Answers, Variables, Work) ->
    Server = fake_dns:start(Answers),
    Own = [{"PODNAME_DNS", fake_dns:address(Server)}, {"PODNAME_DOMAIN", ?DOMAIN}],
    try environment:with(Variables ++ Own, fun() -> Work(Server) end)
    after fake_dns:stop(Server)
    end.

a_node_has_an_address_and_a_port_test_() ->
    Table = [
        {"app", "web-1", inet, {ok, {10, 42, 1, 3}, 9100, 6}},
        {"app", "web-1." ?DOMAIN, inet, {ok, {10, 42, 1, 3}, 9100, 6}},
        {"app", "WEB-1", inet, {ok, {10, 42, 1, 3}, 9100, 6}},
        {"app", "web-1", inet6, {ok, {16#fd00, 0, 0, 0, 0, 0, 0, 3}, 9100, 6}},
        {"admin", "web-1", inet, {ok, {10, 42, 1, 3}, 4370, 6}},
        {app, 'web-2', inet, {ok, {10, 42, 1, 4}, 4370, 6}},
        {<<"app">>, <<"web-2">>, inet, {ok, {10, 42, 1, 4}, 4370, 6}},
        {"app", "web-3.web.other.svc.cluster.local", inet, {ok, {10, 42, 1, 5}, 4370, 6}},
        {"app", "web-2", inet6, {error, nxdomain}},
        {"app", "web-9", inet, {error, nxdomain}},
        {"app", "10.42.1.9", inet, {ok, {10, 42, 1, 9}, 4370, 6}},
        {"app", {10, 42, 1, 9}, inet, {ok, {10, 42, 1, 9}, 4370, 6}},
        {"app", "fd00::9", inet6, {ok, {16#fd00, 0, 0, 0, 0, 0, 0, 9}, 4370, 6}},
        {"app", "10.42.1.9", inet6, {error, eafnosupport}},
        {"app", "web-1", local, {error, eafnosupport}}
    ],
    [{lists:flatten(io_lib:format("~p@~p ~p", [Name, Host, Family])), fun() ->
        asking(answers(), fun(_) -> ?assertEqual(Expected, environment:patiently(fun() -> podname_epmd:address_please(Name, Host, Family) end)) end)
    end} || {Name, Host, Family, Expected} <- Table].

the_fixed_port_is_configured_test() ->
    asking(answers(), [{"PODNAME_DIST_PORT", "9999"}], fun(_) ->
        ?assertEqual({ok, {10, 42, 1, 4}, 9999, 6}, environment:patiently(fun() -> podname_epmd:address_please("app", "web-2", inet) end)),
        ?assertEqual({ok, 9999}, podname_epmd:listen_port_please("app", "web-2"))
    end).

a_node_is_two_questions_test() ->
    asking(answers(), fun(Server) ->
        {ok, _, _, _} = environment:patiently(fun() -> podname_epmd:address_please("app", "web-1", inet) end),
        ?assertEqual([{"_app._tcp.web-1." ?DOMAIN, srv}, {"web-1." ?DOMAIN, a}], lists:usort(fake_dns:asked(Server)))
    end).

a_port_by_itself_test() ->
    asking(answers(), fun(_) ->
        ?assertEqual({port, 9100, 6}, environment:patiently(fun() -> podname_epmd:port_please("app", "web-1") end)),
        ?assertEqual({port, 4370, 6}, environment:patiently(fun() -> podname_epmd:port_please("app", {10, 42, 1, 3}) end)),
        ?assertEqual({port, 4370, 6}, environment:patiently(fun() -> podname_epmd:port_please("app", "web-2", infinity) end)),
        ?assertEqual(noport, podname_epmd:port_please("app", "web-9"))
    end).

the_names_on_a_host_test() ->
    asking(answers(), [{"PODNAME_NODES", "app,admin"}], fun(_) ->
        ?assertEqual({ok, [{"app", 9100}, {"admin", 4370}]}, environment:patiently(fun() -> podname_epmd:names('web-1') end)),
        ?assertEqual({error, address}, podname_epmd:names("web-9"))
    end).

the_hosts_of_a_namespace_test() ->
    asking(answers(), fun(_) ->
        ?assertEqual(["web-1." ?DOMAIN, "web-2." ?DOMAIN], texts(podname_epmd:hosts())),
        ?assertEqual(["web-3.other.pod.cluster.local"], texts(podname_epmd:hosts(other))),
        ?assertEqual(["web-1." ?DOMAIN], texts(podname_epmd:hosts("web.deploy." ?DOMAIN))),
        ?assertEqual([], podname_epmd:hosts("empty"))
    end).

texts(Hosts) ->
    [atom_to_list(Host) || Host <- Hosts].

%% What OTP makes of a fault differs: 29 waits on after garbage, 23 asks again after SERVFAIL.
nobody_answers_test_() ->
    Table = [
        {silent, [timeout]}, {garbage, [formerr, timeout]}, {nxdomain, [nxdomain]}, {servfail, [servfail, timeout]},
        {refused, [refused]}, {flood, [timeout]}, {{cut, answers()}, [formerr]},
        {{foreign, answers()}, [noquery, timeout]}
    ],
    [{lists:flatten(io_lib:format("~P", [Fault, 4])), fun() ->
        asking(Fault, fun(_) ->
            Ask = fun() -> podname_epmd:address_please("app", "web-1", inet) end,
            ?assert(environment:in_time(Ask)),
            {error, Reason} = case lists:member(timeout, Reasons) of true -> Ask(); _ -> environment:patiently(Ask) end,
            ?assert(lists:member(Reason, Reasons))
        end)
    end} || {Fault, Reasons} <- Table].

a_truncated_answer_is_fetched_over_tcp_test() ->
    asking({truncated, answers()}, fun(Server) ->
        ?assertMatch({ok, _, 9100, 6}, environment:patiently(fun() -> podname_epmd:address_please("app", "web-1", inet) end)),
        ?assert(lists:member({tcp, {"web-1." ?DOMAIN, a}}, fake_dns:asked(Server)))
    end).

a_dead_server_before_a_living_one_costs_little_test_() ->
    [fun() ->
        Dead = fake_dns:start(Fault),
        asking(answers(), fun(Living) ->
            Both = fake_dns:address(Dead) ++ "," ++ fake_dns:address(Living),
            os:putenv("PODNAME_DNS", Both),
            ?assertMatch({ok, {10, 42, 1, 3}, 9100, 6}, environment:patiently(fun() -> podname_epmd:address_please("app", "web-1", inet) end))
        end),
        fake_dns:stop(Dead)
    end || Fault <- [silent, servfail, refused, garbage]].

nobody_listens_test() ->
    Server = fake_dns:start(silent),
    Address = fake_dns:address(Server),
    fake_dns:stop(Server),
    environment:with([{"PODNAME_DNS", Address}, {"PODNAME_DOMAIN", ?DOMAIN}], fun() ->
        ?assertEqual({error, econnrefused}, environment:patiently(fun() -> podname_epmd:address_please("app", "web-1", inet) end)),
        ?assertEqual([], podname_epmd:hosts())
    end).

a_server_may_have_an_ipv6_address_test() ->
    Server = fake_dns:start(answers(), {0, 0, 0, 0, 0, 0, 0, 1}),
    environment:with([{"PODNAME_DNS", fake_dns:address(Server)}, {"PODNAME_DOMAIN", ?DOMAIN}], fun() ->
        ?assertMatch({ok, _, 9100, 6}, environment:patiently(fun() -> podname_epmd:address_please("app", "web-1", inet) end))
    end),
    fake_dns:stop(Server).

hundreds_of_pods_test() ->
    Pods = [lists:concat(["cluster-demo-7bd795854f-", Number, "." ?DOMAIN]) || Number <- lists:seq(1, 900)],
    asking({truncated, #{{"_all." ?DOMAIN, srv} => [{0, 0, 0, Pod} || Pod <- Pods]}}, fun(_) ->
        ?assertEqual(lists:sort(Pods), lists:sort(texts(podname_epmd:hosts())))
    end).
