defmodule Demo.Libcluster do
  @moduledoc """
  Finds nodes by the calls that libcluster 3.5.0 makes, for two of its strategies that ask DNS.

  It takes a topology as `config :libcluster` has it. At each poll whoever is found and not
  connected is connected to, one after the other; whoever was found before and is not now is
  disconnected from. An error is an empty answer, so it disconnects from everybody: who polls like
  this needs a resolver that does not fail.

  Source: libcluster 3.5.0, `Cluster.Strategy.Kubernetes.DNSSRV`, `Cluster.Strategy.Kubernetes.DNS`,
  `Cluster.Strategy`, and the defaults of `Cluster.Supervisor`.
  """
  use GenServer

  alias Cluster.Strategy.Kubernetes

  def start_link(topology), do: GenServer.start_link(__MODULE__, topology)

  @impl true
  def init(topology) do
    {:ok, topology |> Map.new() |> Map.put(:known, MapSet.new()), {:continue, :poll}}
  end

  @impl true
  def handle_continue(:poll, state), do: {:noreply, poll(state)}

  @impl true
  def handle_info(:poll, state), do: {:noreply, poll(state)}

  defp poll(%{strategy: strategy, config: config, known: known} = state) do
    found = strategy |> ask(config) |> nodes(config[:application_name]) |> MapSet.new()
    for node <- MapSet.difference(known, found), node in connected(), do: disconnect(node)
    missing = for node <- found, node not in [node() | connected()], not connect(node), do: node
    Process.send_after(self(), :poll, Keyword.get(config, :polling_interval, 5_000))
    %{state | known: MapSet.difference(found, MapSet.new(missing))}
  end

  # What is asked: the only thing in which the two differ, but for their answers.
  defp ask(Kubernetes.DNSSRV, config) do
    [service, namespace] = for key <- [:service, :namespace], do: Keyword.fetch!(config, key)
    zone = System.get_env("CLUSTER_DOMAIN", "cluster.local.")
    resolver = Keyword.get(config, :resolver, &:inet_res.getbyname(&1, :srv))
    resolver.(to_charlist("#{service}.#{namespace}.svc.#{zone}"))
  end

  defp ask(Kubernetes.DNS, config) do
    resolver = Keyword.get(config, :resolver, &:inet_res.getbyname(&1, :a))
    config |> Keyword.fetch!(:service) |> to_charlist() |> resolver.()
  end

  defp nodes({:ok, {:hostent, _name, _aliases, :srv, _length, records}}, base) do
    Demo.Status.polled(:ok)
    for {_priority, _weight, _port, host} <- records, do: :"#{base}@#{host}"
  end

  defp nodes({:ok, {:hostent, _name, [], :inet, _length, addresses}}, base) do
    Demo.Status.polled(:ok)
    for address <- addresses, do: :"#{base}@#{:inet_parse.ntoa(address)}"
  end

  defp nodes({:error, _reason}, _base) do
    Demo.Status.polled(:error)
    []
  end

  defp connected, do: :erlang.nodes(:connected)
  defp disconnect(node), do: :erlang.disconnect_node(node)

  defp connect(node) do
    Demo.Status.dialled()
    :net_kernel.connect_node(node) == true
  end
end
