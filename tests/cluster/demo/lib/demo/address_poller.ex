defmodule Demo.AddressPoller do
  @moduledoc """
  Finds nodes by addresses, making the calls that dns_cluster makes with a `resolver` of one's own.

  dns_cluster looks the addresses of a name up and connects to `base@<address>`. Our nodes have
  names of pods, so the resolver asks for the name of each address (PTR), whose first label is the
  pod's name: all that a node with a short name needs. Nobody is ever disconnected from.

  Source: dns_cluster, `DNSCluster` and `DNSCluster.Resolver`.
  """
  use GenServer

  def start_link(options), do: GenServer.start_link(__MODULE__, options)

  @impl true
  def init(options), do: {:ok, Map.new(options), {:continue, :poll}}

  @impl true
  def handle_continue(:poll, state), do: {:noreply, poll(state)}

  @impl true
  def handle_info(:poll, state), do: {:noreply, poll(state)}

  defp poll(state) do
    look_up(state.name)
    |> Task.async_stream(&connect/1, timeout: 10_000, on_timeout: :kill_task)
    |> Stream.run()

    Process.send_after(self(), :poll, state.interval_milliseconds)
    state
  end

  defp look_up(name) do
    case :inet_res.getbyname(to_charlist(name), :a) do
      {:ok, {:hostent, _name, _aliases, _family, _length, addresses}} ->
        Demo.Status.polled(:ok)
        addresses

      {:error, _reason} ->
        Demo.Status.polled(:error)
        []
    end
  end

  defp connect(address) do
    with {:ok, {:hostent, host, _aliases, _family, _length, _addresses}} <-
           :inet_res.gethostbyaddr(address) do
      node = Demo.node_at(host)
      node == node() or Node.connect(node)
    end
  end
end
