%% @doc Octets that are no pod cost an error, not time: cut, flipped and random ones.
-module(podname_epmd_pod_tests).

-include_lib("eunit/include/eunit.hrl").

pod() ->
    iolist_to_binary(fake_api:envelope("Pod", fake_api:pod("web-1", #{ports => [{"app", 9100}]}))).

a_pod_test() ->
    Pod = podname_epmd_pod:pod(pod()),
    ?assertEqual("web-1", podname_epmd_pod:name(Pod)),
    ?assertEqual({ok, {10, 42, 1, 3}}, podname_epmd_pod:address(Pod, inet)),
    ?assertEqual(none, podname_epmd_pod:address(Pod, inet6)),
    ?assertEqual({ok, 9100}, podname_epmd_pod:port(Pod, "app")),
    ?assertEqual(none, podname_epmd_pod:port(Pod, "admin")).

no_port_is_out_of_range_test_() ->
    [?_assertEqual(none, podname_epmd_pod:port(podname_epmd_pod:pod(iolist_to_binary(
        fake_api:envelope("Pod", fake_api:pod("web-1", #{ports => [{"app", Port}]})))), "app"))
     || Port <- [0, 65536, 1 bsl 40]].

every_cut_ends_test() ->
    Whole = pod(),
    [ends(binary:part(Whole, 0, Length)) || Length <- lists:seq(0, byte_size(Whole))].

every_flipped_octet_ends_test() ->
    Whole = pod(),
    [begin
        <<Before:At/binary, Octet, After/binary>> = Whole,
        ends(<<Before/binary, (Octet bxor (1 bsl rand:uniform(8) - 1)), After/binary>>)
    end || At <- lists:seq(0, byte_size(Whole) - 1)].

random_octets_end_test() ->
    [ends(<<"k8s", 0, 16#12, Length, (crypto:strong_rand_bytes(Length))/binary>>) || Length <- lists:seq(0, 127)].

ends(Octets) ->
    [try Read(Octets) of
        {Pods, Continue} -> ?assert(is_list(Pods) andalso is_binary(Continue));
        Pod -> podname_epmd_pod:address(Pod, inet), podname_epmd_pod:port(Pod, "app")
    catch error:_ -> ok
    end || Read <- [fun podname_epmd_pod:pod/1, fun podname_epmd_pod:pods/1]].
