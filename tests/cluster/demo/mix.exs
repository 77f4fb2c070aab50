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

  # ssl is in the release for distribution over TLS: `-proto_dist inet_tls` finds it there.
  def application do
    [mod: {Demo, []}, extra_applications: [:logger, :ssl]]
  end
end
