# Locks the Gemfile of this folder to what Debian's Ruby packages hold, and packs those gems as they are published into
# vendor/cache, where `bundle install` looks first. What is compiled comes along, so that nothing is compiled again.
require "bundler"
require "fileutils"
require "rubygems/package"

LIBRARIES = %w[/usr/lib/ruby/vendor_ruby /usr/lib/x86_64-linux-gnu/ruby/vendor_ruby/3.1.0].freeze

# Paths in the gem, and where Debian keeps the files: in a folder of the gem's own, or in one that all gems share.
def contents(spec)
  own = Dir.glob("**/*", File::FNM_DOTMATCH, base: spec.full_gem_path)
  return shared(spec) if own.empty?

  built = Dir.glob("**/*.so", base: spec.extension_dir)
  own.to_h { |path| [path, "#{spec.full_gem_path}/#{path}"] }
     .merge(built.to_h { |path| ["lib/#{path}", "#{spec.extension_dir}/#{path}"] })
end

def shared(spec)
  package = `dpkg -S #{spec.loaded_from}`[/\A[^:\s]+/]
  `dpkg -L #{package}`.lines(chomp: true).filter_map do |file|
    folder = LIBRARIES.find { |library| file.start_with?("#{library}/") }
    ["lib#{file.delete_prefix(folder)}", file] if folder
  end.to_h
end

def pack(spec)
  folder = FileUtils.mkdir_p("/tmp/pack/#{spec.full_name}").first
  files = contents(spec).select { |_, file| File.file?(file) }
  files.each do |path, file|
    FileUtils.mkdir_p(File.dirname("#{folder}/#{path}"))
    FileUtils.cp(file, "#{folder}/#{path}")
  end
  packed = spec.dup
  packed.files = files.keys
  packed.test_files = packed.extra_rdoc_files = packed.extensions = []
  packed.require_paths = files.keys.any? { |path| path.start_with?(spec.raw_require_paths.first) } ? spec.raw_require_paths : ["lib"]
  packed.executables = spec.executables.select { |name| files.key?("#{spec.bindir}/#{name}") }
  Dir.chdir(folder) { Gem::Package.build(packed, true) }
end

system("bundle", "lock", "--local", exception: true)
cache = File.expand_path(FileUtils.mkdir_p("vendor/cache").first)
Bundler::LockfileParser.new(File.read("Gemfile.lock")).specs.each do |locked|
  archive = pack(Gem::Specification.find_by_name(locked.name, locked.version))
  FileUtils.mv("/tmp/pack/#{locked.full_name}/#{archive}", cache)
end
