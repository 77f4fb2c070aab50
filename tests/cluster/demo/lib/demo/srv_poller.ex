defmodule Demo.SrvPoller do
  @moduledoc """
  Finds nodes by SRV records, making the calls that libcluster's `Kubernetes.DNSSRV` makes.

  Every target is the host of a node that has our own base name. A target that is new is connected
  to; one that is no longer there is disconnected from. An error is an empty answer, so it
  disconnects from everybody: who polls like this needs a resolver that does not fail.

  Source: libcluster, `Cluster.Strategy.Kubernetes.DNSSRV` and `Cluster.Strategy`.
  """
  use GenServer

  def start_link(options), do: GenServer.start_link(__MODULE__, options)

  @impl true
  def init(options) do
    {:ok, Enum.into(options, %{known: MapSet.new()}), {:continue, :poll}}
  end

  @impl true
  def handle_continue(:poll, state), do: {:noreply, poll(state)}

  @impl true
  def handle_info(:poll, state), do: {:noreply, poll(state)}

  defp poll(%{known: known} = state) do
    found = MapSet.new(look_up(state.name))
    removed = MapSet.difference(known, found)
    for node <- Node.list(), node in removed, do: Node.disconnect(node)
    failed = for node <- MapSet.difference(found, known), not connect(node), do: node
    Process.send_after(self(), :poll, state.interval_milliseconds)
    %{state | known: MapSet.difference(found, MapSet.new(failed))}
  end

  defp look_up(name) do
    case :inet_res.getbyname(to_charlist(name), :srv) do
      {:ok, {:hostent, _name, _aliases, :srv, _length, records}} ->
        Demo.Status.polled(:ok)
        for {_priority, _weight, _port, target} <- records, do: Demo.node_at(target)

      {:error, _reason} ->
        Demo.Status.polled(:error)
        []
    end
  end

  defp connect(node), do: node in [node() | Node.list()] or Node.connect(node) == true
end
