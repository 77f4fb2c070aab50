defmodule Demo.Status do
  @moduledoc """
  Says whom this node sees: `GET /` on port 4000, in JSON.

      {"node": "demo@web-1", "peers": ["demo@web-2"], "lost": [],
       "polls": 7, "failed_polls": 0, "dials": 2}

  `lost` holds every connection that has ended since the start, one entry for each time.
  """
  use GenServer

  @port 4000

  def start_link(_options), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @doc "Count a look-up of a poller."
  def polled(result), do: GenServer.cast(__MODULE__, {:polled, result})

  @doc "Count an attempt of a poller to connect."
  def dialled, do: GenServer.cast(__MODULE__, :dialled)

  @impl true
  def init(_options) do
    :ok = :net_kernel.monitor_nodes(true)
    {:ok, listener} = :gen_tcp.listen(@port, [:binary, active: false, reuseaddr: true])
    spawn_link(fn -> serve(listener) end)
    {:ok, %{lost: [], polls: 0, failed_polls: 0, dials: 0}}
  end

  @impl true
  def handle_cast({:polled, :ok}, state), do: {:noreply, %{state | polls: state.polls + 1}}

  def handle_cast({:polled, :error}, state),
    do: {:noreply, %{state | polls: state.polls + 1, failed_polls: state.failed_polls + 1}}

  def handle_cast(:dialled, state), do: {:noreply, %{state | dials: state.dials + 1}}

  @impl true
  def handle_info({:nodedown, node}, state),
    do: {:noreply, %{state | lost: [to_string(node) | state.lost]}}

  def handle_info({:nodeup, _node}, state), do: {:noreply, state}

  @impl true
  def handle_call(:state, _from, state), do: {:reply, state, state}

  defp serve(listener) do
    {:ok, socket} = :gen_tcp.accept(listener)
    with {:ok, _request} <- :gen_tcp.recv(socket, 0, 1000), do: :gen_tcp.send(socket, answer())
    :gen_tcp.close(socket)
    serve(listener)
  end

  defp answer do
    body = json([node: node(), peers: Enum.sort(Node.list())] ++ Map.to_list(state()))
    "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n#{body}\n"
  end

  defp state, do: GenServer.call(__MODULE__, :state)

  defp json(pairs) do
    fields = for {key, value} <- pairs, do: ~s("#{key}": #{value(value)})
    "{#{Enum.join(fields, ", ")}}"
  end

  defp value(number) when is_integer(number), do: to_string(number)
  defp value(list) when is_list(list), do: "[#{Enum.map_join(list, ", ", &value/1)}]"
  defp value(name), do: ~s("#{name}")
end
