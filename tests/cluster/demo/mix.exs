defmodule Demo.MixProject do
  use Mix.Project

  def project do
    [
      app: :demo,
      version: "1.0.0",
      elixir: "~> 1.14",
      erlc_paths: ["src"],
      releases: [demo: [include_executables_for: [:unix]]]
    ]
  end

  # ssl for distribution over TLS, and with inets for podname_epmd where it asks the API server.
  def application do
    [mod: {Demo, []}, extra_applications: [:logger, :inets, :ssl]]
  end
end
