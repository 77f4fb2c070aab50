defmodule Demo.DnsCluster do
  @moduledoc """
  Finds nodes by the calls that dns_cluster 0.2.0 makes, with a `resolver:` of one's own.

  It looks the addresses of a name up and asks the resolver to connect to `base@<address>`, for each
  that is not called like a node that the resolver lists. Nobody is ever disconnected from.

  Source: dns_cluster 0.2.0, `DNSCluster`.
  """
  use GenServer

  def start_link(options), do: GenServer.start_link(__MODULE__, options)

  @impl true
  def init(options), do: {:ok, Map.new(options), {:continue, :poll}}

  @impl true
  def handle_continue(:poll, state), do: {:noreply, poll(state)}

  @impl true
  def handle_info(:poll, state), do: {:noreply, poll(state)}

  defp poll(%{resolver: resolver} = state) do
    connected = for node <- resolver.list_nodes(), do: to_string(node)
    base = resolver.basename(node())

    state
    |> addresses()
    |> Enum.map(&"#{base}@#{:inet.ntoa(&1)}")
    |> Enum.reject(&(&1 in connected))
    |> Task.async_stream(&connect(resolver, &1), timeout: 10_000)
    |> Stream.run()

    Process.send_after(self(), :poll, state.interval)
    state
  end

  defp addresses(%{resolver: resolver, query: query}) do
    for type <- [:a, :aaaa], address <- resolver.lookup(query, type), uniq: true, do: address
  end

  defp connect(resolver, name) do
    Demo.Status.dialled()
    resolver.connect_node(:"#{name}")
  end
end

defmodule DNSCluster.Resolver do
  @moduledoc """
  Stands for the module of that name in dns_cluster 0.2.0, to which a resolver of one's own delegates.
  """

  def basename(node), do: node |> to_string() |> String.split("@") |> hd()

  def list_nodes, do: Node.list(:visible)

  def lookup(query, type) do
    case :inet_res.getbyname(to_charlist(query), type) do
      {:ok, {:hostent, _name, _aliases, _family, _length, addresses}} ->
        count(type, :ok)
        addresses

      {:error, _reason} ->
        count(type, :error)
        []
    end
  end

  # One look-up of each poll: the pods of the tests have no address of the other family.
  defp count(:a, result), do: Demo.Status.polled(result)
  defp count(:aaaa, _result), do: :ok
end
