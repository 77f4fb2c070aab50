%% @doc Environment variables for the time of one test.
-module(environment).

-export([with/2]).

-define(VARIABLES, [
    "PODNAME_SOURCE", "PODNAME_DNS", "PODNAME_DOMAIN", "PODNAME_NODES", "PODNAME_DIST_PORT",
    "PODNAME_SERVICE_ACCOUNT", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"
]).

%% @doc Run with just these of podname's variables set.
with(Variables, Work) ->
    Before = [{Name, os:getenv(Name)} || Name <- ?VARIABLES],
    set([{Name, proplists:get_value(Name, Variables, false)} || Name <- ?VARIABLES]),
    try Work()
    after set(Before)
    end.

set(Variables) ->
    [case Value of
        false -> os:unsetenv(Name);
        _ -> os:putenv(Name, Value)
    end || {Name, Value} <- Variables].
