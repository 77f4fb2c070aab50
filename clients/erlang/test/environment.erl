%% @doc Environment variables for the time of one test, and patience where the machine is slow.
-module(environment).

-export([with/2, patiently/1, in_time/1]).

-define(PROMISE_MICROSECONDS, 500000).

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

%% @doc Ask again while there is no answer in half a second, as happens on a machine that is busy with other things.
patiently(Ask) ->
    patiently(Ask, 8).

patiently(Ask, 0) -> Ask();
patiently(Ask, Left) ->
    case Ask() of
        Silence when Silence =:= {error, timeout}; Silence =:= noport; Silence =:= {error, address} ->
            patiently(Ask, Left - 1);
        Answer -> Answer
    end.

%% @doc Whether an answer comes within half a second; three tries, because it is the machine's time, too.
in_time(Ask) ->
    lists:any(fun(_) -> element(1, timer:tc(Ask)) < ?PROMISE_MICROSECONDS end, [1, 2, 3]).
