Rails.application.configure do
  config.eager_load = true
  config.public_file_server.enabled = ENV["RAILS_SERVE_STATIC_FILES"].present?
  config.logger = ActiveSupport::Logger.new($stdout)
  # What signs cookies has to be given when the app runs, and is not there when assets are built.
  config.after_initialize { Rails.application.secret_key_base }
end
