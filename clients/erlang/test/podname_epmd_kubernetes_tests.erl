%% @doc Nodes found by the Kubernetes API: the answers, and every way in which there is none.
-module(podname_epmd_kubernetes_tests).

-include_lib("eunit/include/eunit.hrl").

-define(DEFAULT, "/api/v1/namespaces/default/pods").

pods() ->
    #{
        ?DEFAULT "/web-1" => #{addresses => ["10.42.1.3", "fd00::3"], ports => [{"http", 80}, {"app", 9100}, {"my-app", 9200}]},
        ?DEFAULT "/web-2" => #{addresses => ["10.42.1.4"]},
        ?DEFAULT "/worker.v1" => #{addresses => ["10.42.1.6"]},
        ?DEFAULT "/done" => #{phase => "Succeeded"},
        ?DEFAULT "/failed" => #{phase => "Failed"},
        ?DEFAULT "/pending" => #{phase => "Pending", addresses => []},
        "/api/v1/namespaces/other/pods/web-3" => #{addresses => ["10.42.1.5"]}
    }.

by_path(Path, #{<<"authorization">> := <<"Bearer secret">>, <<"accept">> := <<"application/vnd.kubernetes.protobuf">>}) ->
    case maps:find(Path, pods()) of
        {ok, Status} -> {200, fake_api:envelope("Pod", fake_api:pod(filename:basename(Path), Status))};
        error -> {404, "{}"}
    end;
by_path(_Path, _Headers) -> {401, "{}"}.

asking(Answer, Work) -> asking(Answer, [], Work).

ready() ->
    podname_epmd_api:load(),
    podname_epmd_api:ready().

asking(Answer, Variables, Work) ->
    ready(),
    Server = fake_api:start(Answer),
    try environment:with(Variables ++ fake_api:variables(Server), fun() -> Work(Server) end)
    after fake_api:stop(Server)
    end.

a_node_has_an_address_and_a_port_test_() ->
    Table = [
        {"app", "web-1", inet, {ok, {10, 42, 1, 3}, 9100, 6}},
        {"app", "WEB-1", inet, {ok, {10, 42, 1, 3}, 9100, 6}},
        {"My_App", "web-1", inet, {ok, {10, 42, 1, 3}, 9200, 6}},
        {"app", "web-1", inet6, {ok, {16#fd00, 0, 0, 0, 0, 0, 0, 3}, 9100, 6}},
        {"admin", "web-1", inet, {ok, {10, 42, 1, 3}, 4370, 6}},
        {"app", "web-2", inet, {ok, {10, 42, 1, 4}, 4370, 6}},
        {"app", "web-2", inet6, {error, nxdomain}},
        {"app", "web-2.default.pod.cluster.local", inet, {ok, {10, 42, 1, 4}, 4370, 6}},
        {"app", "worker.v1.default.pod.cluster.local", inet, {ok, {10, 42, 1, 6}, 4370, 6}},
        {"app", "web-2.web.default.svc.cluster.local", inet, {ok, {10, 42, 1, 4}, 4370, 6}},
        {"app", "web-3.other.pod.cluster.local", inet, {ok, {10, 42, 1, 5}, 4370, 6}},
        {"app", "web-3.web.other.svc.cluster.local", inet, {ok, {10, 42, 1, 5}, 4370, 6}},
        {"app", "web-3.other.pod.another.zone", inet, {error, nxdomain}},
        {"app", "other.pod.cluster.local", inet, {error, nxdomain}},
        {"app", "web.other.svc.cluster.local", inet, {error, nxdomain}},
        {"app", "done", inet, {error, nxdomain}},
        {"app", "failed", inet, {error, nxdomain}},
        {"app", "pending", inet, {error, nxdomain}},
        {"app", "web-9", inet, {error, nxdomain}},
        {"app", "10.42.1.9", inet, {ok, {10, 42, 1, 9}, 4370, 6}}
    ],
    [{lists:flatten(io_lib:format("~s@~s ~p", [Name, Host, Family])), fun() ->
        asking(fun by_path/2, fun(_) ->
            ?assertEqual(Expected, environment:patiently(fun() -> podname_epmd:address_please(Name, Host, Family) end))
        end)
    end} || {Name, Host, Family, Expected} <- Table].

a_node_is_asked_for_by_its_pod_test() ->
    asking(fun by_path/2, fun(Server) ->
        {ok, _, _, _} = environment:patiently(fun() -> podname_epmd:address_please("app", "web-1", inet) end),
        ?assertEqual([?DEFAULT "/web-1"], lists:usort(fake_api:asked(Server)))
    end).

the_names_on_a_host_test() ->
    asking(fun by_path/2, [{"PODNAME_NODES", "app admin"}], fun(_) ->
        ?assertEqual({ok, [{"app", 9100}, {"admin", 4370}]}, environment:patiently(fun() -> podname_epmd:names('web-1') end)),
        ?assertEqual({error, address}, podname_epmd:names("web-9"))
    end).

%% 1200 pods in pages of 500; of those, what has no address is nobody's host.
in_pages(Path, _Headers) ->
    [?DEFAULT, Query] = string:split(Path, "?"),
    Asked = uri_string:dissect_query(Query),
    First = case proplists:get_value("continue", Asked) of "" -> 0; Word -> list_to_integer(string:prefix(Word, "from/+&")) end,
    Last = min(First + list_to_integer(proplists:get_value("limit", Asked)), 1200),
    Pods = [fake_api:pod(name(Number), status(Number)) || Number <- lists:seq(First + 1, Last)],
    Continue = case Last of 1200 -> ""; _ -> "from/+&" ++ integer_to_list(Last) end,
    {200, fake_api:envelope("PodList", fake_api:list(Pods, Continue))}.

name(Number) -> "web-" ++ integer_to_list(Number).

status(Number) when Number rem 100 =:= 0 -> #{phase => "Pending", addresses => []};
status(_Number) -> #{}.

all_pods_of_a_big_namespace_test() ->
    asking(fun in_pages/2, fun(Server) ->
        Expected = [name(Number) ++ ".default.pod.cluster.local" || Number <- lists:seq(1, 1200), Number rem 100 > 0],
        ?assertEqual(Expected, [atom_to_list(Host) || Host <- podname_epmd:hosts()]),
        ?assertEqual(3, length(fake_api:asked(Server)))
    end).

nobody_answers_test_() ->
    Says = fun(Status, Body) -> fun(_, _) -> {Status, Body} end end,
    Whole = iolist_to_binary(fake_api:envelope("Pod", fake_api:pod("web-1", #{}))),
    Table = [
        {silent, timeout}, {deaf, timeout}, {torn, closed},
        {Says(401, "expired"), unauthorized}, {Says(403, "{}"), forbidden}, {Says(404, ""), nxdomain},
        {Says(500, ""), {http, 500}}, {Says(302, ""), {http, 302}}, {Says(429, ""), {http, 429}},
        {Says(200, ""), einval}, {Says(200, "{\"kind\": \"Pod\"}"), einval},
        {Says(200, binary:part(Whole, 0, byte_size(Whole) - 9)), einval},
        {Says(200, <<"k8s", 0, 16#12, 255, 255, 255, 255, 127, "x">>), einval},
        {Says(200, <<"k8s", 0, 16#12, 4, 255, 255, 255, 255>>), einval}
    ],
    [{lists:flatten(io_lib:format("~P ~p", [Fault, 4, Reason])), fun() ->
        asking(Fault, fun(_) ->
            Ask = fun() -> podname_epmd:address_please("app", "web-1", inet) end,
            ?assert(environment:in_time(Ask)),
            ?assertEqual({error, Reason}, case Reason of timeout -> Ask(); _ -> environment:patiently(Ask) end)
        end)
    end} || {Fault, Reason} <- Table].

garbage_instead_of_http_test() ->
    asking(garbage, fun(_) ->
        ?assertMatch({error, _}, environment:patiently(fun() -> podname_epmd:address_please("app", "web-1", inet) end))
    end).

a_name_longer_than_a_label_is_found_by_what_the_kubelet_leaves_of_it_test_() ->
    Long = "cluster-demo-with-a-name-that-says-all-that-there-is-to-say-1.2-7bd795854f-298qd",
    Left = "cluster-demo-with-a-name-that-says-all-that-there-is-to-say-1.2",
    List = fake_api:envelope("PodList", fake_api:list([fake_api:pod(Name, #{}) || Name <- ["web-1", Long]], "")),
    Answer = fun(?DEFAULT ++ "?" ++ _, _) -> {200, List}; (_, _) -> {404, ""} end,
    Table = [
        {Left ++ ".default.pod.cluster.local", {ok, {10, 42, 1, 3}, 4370, 6}},
        {lists:duplicate(63, $a), {error, nxdomain}},
        {"web-1", {error, nxdomain}}
    ],
    [fun() ->
        asking(Answer, fun(_) -> ?assertEqual(Expected, environment:patiently(fun() -> podname_epmd:address_please("app", Host, inet) end)) end)
    end || {Host, Expected} <- Table].

a_domain_without_pods_is_none_test_() ->
    [fun() ->
        asking(fun by_path/2, [{"PODNAME_DOMAIN", Domain}], fun(_) ->
            ?assertEqual({error, nodomain}, environment:patiently(fun() -> podname_epmd:address_please("app", "web-1", inet) end)),
            ?assertEqual([], podname_epmd:hosts())
        end)
    end || Domain <- ["example", "a.b.c", "pod.cluster.local"]].

a_list_may_be_refused_test() ->
    asking(fun(_, _) -> {403, "{}"} end, fun(_) -> ?assertEqual([], podname_epmd:hosts()) end).

a_server_that_is_another_is_not_believed_test() ->
    ready(),
    Server = fake_api:start(fun by_path/2, <<127, 0, 0, 9>>),
    environment:with(fake_api:variables(Server), fun() ->
        {error, Alert} = environment:patiently(fun() -> podname_epmd:address_please("app", "web-1", inet) end),
        ?assert(lists:member(Alert, [handshake_failure, bad_certificate])), % as OTP up to 25 says it, and since
        ?assertEqual([], fake_api:asked(Server))
    end),
    fake_api:stop(Server).

a_server_may_have_an_ipv6_address_test() ->
    ready(),
    Server = fake_api:start(fun by_path/2, <<1:128>>),
    environment:with(fake_api:variables(Server), fun() ->
        ?assertEqual({ok, {10, 42, 1, 3}, 9100, 6}, environment:patiently(fun() -> podname_epmd:address_please("app", "web-1", inet) end))
    end),
    fake_api:stop(Server).

a_server_of_another_authority_is_not_believed_test() ->
    Other = fake_api:start(silent),
    asking(fun by_path/2, fun(Server) ->
        os:putenv("PODNAME_SERVICE_ACCOUNT", maps:get(folder, Other)),
        ?assertEqual({error, unknown_ca}, environment:patiently(fun() -> podname_epmd:address_please("app", "web-1", inet) end)),
        ?assertEqual([], fake_api:asked(Server))
    end),
    fake_api:stop(Other).

the_token_is_read_each_time_test() ->
    asking(fun by_path/2, fun(#{folder := Folder}) ->
        Token = filename:join(Folder, "token"),
        ok = file:write_file(Token, "expired"),
        ?assertEqual({error, unauthorized}, environment:patiently(fun() -> podname_epmd:address_please("app", "web-1", inet) end)),
        ok = file:write_file(Token, "secret"),
        ?assertMatch({ok, _, _, _}, environment:patiently(fun() -> podname_epmd:address_please("app", "web-1", inet) end))
    end).

outside_of_a_pod_test_() ->
    Server = [{"PODNAME_SOURCE", "kubernetes"}, {"PODNAME_DOMAIN", "default.pod.cluster.local"},
              {"PODNAME_SERVICE_ACCOUNT", "/nowhere"}],
    Table = [
        {Server, not_in_a_pod},
        {[{"KUBERNETES_SERVICE_HOST", "127.0.0.1"} | Server], no_service_account}
    ],
    [?_assertEqual({error, Reason}, environment:with(Variables, fun() ->
        podname_epmd:address_please("app", "web-1", inet)
    end)) || {Variables, Reason} <- Table].
