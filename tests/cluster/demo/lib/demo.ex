defmodule Demo do
  @moduledoc """
  An application that does nothing but find its like, and say whom it sees.

  It is released with `mix release`, as any other, and configured by nothing or by its environment:

    * `DEMO_SRV`, a name with SRV records: found as libcluster finds (`Demo.SrvPoller`)
    * `DEMO_ADDRESSES`, a name with addresses: found as dns_cluster finds (`Demo.AddressPoller`)
    * `DEMO_POLL_MILLISECONDS`, how often; 5000 as with both of them
  """
  use Application

  @impl true
  def start(_type, _arguments) do
    Supervisor.start_link([Demo.Status | pollers()], strategy: :one_for_one, name: Demo.Supervisor)
  end

  @doc """
  Name the node like ours at a host: its first label alone where our own name is a short one.
  """
  def node_at(host) do
    [base, own_host] = String.split(to_string(node()), "@")
    host = to_string(host)
    long? = String.contains?(own_host, ".")
    :"#{base}@#{if long?, do: host, else: hd(String.split(host, "."))}"
  end

  defp pollers do
    interval = String.to_integer(System.get_env("DEMO_POLL_MILLISECONDS", "5000"))

    for {variable, poller} <- [DEMO_SRV: Demo.SrvPoller, DEMO_ADDRESSES: Demo.AddressPoller],
        name = System.get_env(to_string(variable)) do
      {poller, name: name, interval_milliseconds: interval}
    end
  end
end
