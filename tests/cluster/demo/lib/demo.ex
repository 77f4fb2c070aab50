defmodule Demo do
  @moduledoc """
  An application that does nothing but find its like, and say whom it sees.

  It is released with `mix release`, as any other. It looks for others where its configuration says
  so: `config :libcluster` in `config/runtime.exs` (`Demo.Libcluster`), or its environment:

    * `DEMO_SRV`, a name with SRV records: found as by libcluster
    * `DEMO_ADDRESSES`, a name with addresses: found as by dns_cluster (`Demo.DnsCluster`)
    * `DEMO_POLL_MILLISECONDS`, how often, with these two; 5000 as with both libraries
  """
  use Application

  @impl true
  def start(_type, _arguments) do
    children = [Demo.Status | libcluster() ++ dns_cluster()]
    Supervisor.start_link(children, strategy: :one_for_one, name: Demo.Supervisor)
  end

  defp libcluster do
    topologies = Application.get_env(:libcluster, :topologies, []) ++ topologies_of_environment()

    for {name, topology} <- topologies do
      Supervisor.child_spec({Demo.Libcluster, topology}, id: name)
    end
  end

  defp topologies_of_environment do
    for name <- List.wrap(System.get_env("DEMO_SRV")) do
      resolver = fn _name -> :inet_res.getbyname(to_charlist(name), :srv) end
      names = [service: "", namespace: "", application_name: "demo"]
      config = names ++ [resolver: resolver, polling_interval: poll_milliseconds()]
      {:environment, [strategy: Cluster.Strategy.Kubernetes.DNSSRV, config: config]}
    end
  end

  defp dns_cluster do
    for query <- List.wrap(System.get_env("DEMO_ADDRESSES")) do
      {Demo.DnsCluster, query: query, resolver: MyApp.PodNames, interval: poll_milliseconds()}
    end
  end

  defp poll_milliseconds, do: String.to_integer(System.get_env("DEMO_POLL_MILLISECONDS", "5000"))
end
