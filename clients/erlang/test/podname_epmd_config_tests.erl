%% @doc What is read from the environment, from a kubelet's resolv.conf and from names.
-module(podname_epmd_config_tests).

-include_lib("eunit/include/eunit.hrl").

servers_test_() ->
    Table = [
        {"10.43.0.53", [{{10, 43, 0, 53}, 53}]},
        {"10.43.0.53:1053, 10.43.0.54", [{{10, 43, 0, 53}, 1053}, {{10, 43, 0, 54}, 53}]},
        {"[fd00::53]:1053", [{{16#fd00, 0, 0, 0, 0, 0, 0, 16#53}, 1053}]},
        {"[::1]", [{{0, 0, 0, 0, 0, 0, 0, 1}, 53}]},
        {"fd00::53", [{{16#fd00, 0, 0, 0, 0, 0, 0, 16#53}, 53}]},
        {"podname.example,10.43.0.53", [{{10, 43, 0, 53}, 53}]},
        {"10.43.0.53:0", []},
        {"", []}
    ],
    [?_assertEqual(Expected, environment:with([{"PODNAME_DNS", Text}], fun podname_epmd_config:servers/0))
     || {Text, Expected} <- Table].

the_domain_in_resolv_conf_test_() ->
    Table = [
        {"nameserver 10.43.0.10\nsearch web.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n",
         {ok, "web.pod.cluster.local"}},
        {"search default.svc.k8s.example. svc.k8s.example.", {ok, "default.pod.k8s.example"}},
        {"search\tweb.svc.cluster.local\r\n", {ok, "web.pod.cluster.local"}},
        {"search corp.example web.svc.cluster.local", {ok, "web.pod.cluster.local"}},
        {"search corp.example\nnameserver 1.1.1.1", {error, nodomain}},
        {"# search web.svc.cluster.local", {error, nodomain}},
        {"search", {error, nodomain}},
        {"", {error, nodomain}},
        {<<255, 254, 0>>, {error, nodomain}}
    ],
    [?_assertEqual(Expected, podname_epmd_config:domain_from(iolist_to_binary(Text))) || {Text, Expected} <- Table].

the_namespace_of_the_service_account_comes_second_test_() ->
    [
        ?_assertEqual({ok, "team-a.pod.cluster.local"}, podname_epmd_config:domain_from(<<>>, <<"team-a\n">>)),
        ?_assertEqual({ok, "b.pod.z"}, podname_epmd_config:domain_from(<<"search b.svc.z">>, <<"team-a">>)),
        ?_assertEqual({error, nodomain}, podname_epmd_config:domain_from(<<>>, <<>>))
    ].

problems_are_told_test_() ->
    Table = [
        {[{"PODNAME_DNS", "10.43.0.53"}, {"PODNAME_DIST_PORT", "9000"}, {"PODNAME_SOURCE", "dns"}], ""},
        {[{"PODNAME_SOURCE", "kubernetes"}, {"PODNAME_DOMAIN", "default.pod.cluster.local."}], ""},
        {[{"PODNAME_SOURCE", "consul"}], "PODNAME_SOURCE=consul is neither dns nor kubernetes: dns is used"},
        {[{"PODNAME_DNS", "podname"}], "PODNAME_DNS: podname is no address (10.43.0.53, 10.43.0.53:1053 or"
                                       " [fd00::53]:1053): it is left out"},
        {[{"PODNAME_DIST_PORT", "90000"}], "PODNAME_DIST_PORT=90000 is no port: 4370 is used"},
        {[{"PODNAME_DOMAIN", "a..b"}], "PODNAME_DOMAIN=a..b is no domain name: short names will not be found"}
    ],
    [?_assertEqual(Expected, environment:with(Variables, fun() -> lists:append(podname_epmd_config:problems()) end))
     || {Variables, Expected} <- Table].

hosts_test_() ->
    Table = [
        {"web-1", true}, {"web-1.default.pod.cluster.local", true}, {"a_b", true}, {lists:duplicate(63, $a), true},
        {"", false}, {".", false}, {"a..b", false}, {"a.", false}, {lists:duplicate(64, $a), false}, {"a b", false},
        {"a/../b", false}, {"a?b", false}, {lists:append(lists:duplicate(127, "a.")) ++ "a", false}
    ],
    [?_assertEqual(Expected, podname_epmd_config:is_host(Text)) || {Text, Expected} <- Table].
