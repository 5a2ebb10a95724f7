import Foundation
import TestSupport

/// A shell on a site's host where Greymoat's commands are installed in /usr/sbin: in a mount namespace of its own, over a
/// directory of links, so that nothing of this machine changes.
enum InstalledShell {
    /// Runs a line in the site's directory. `path`: a directory to look for commands in first. Throws unless it ends with `status`.
    static func run(
        _ line: String, on site: Site, path: String = "/usr/sbin", status: Int32 = 0
    ) throws -> (lines: [String], errors: String) {
        let outcome = try attempt(line, on: site, path: path)
        guard outcome.status == status else { throw LabError("`\(line)` ended with \(outcome.status): \(outcome.errors)\(outcome.output)") }
        return (outcome.output.split(separator: "\n").map(String.init), outcome.errors)
    }

    static func attempt(_ line: String, on site: Site, path: String = "/usr/sbin") throws -> LabHost.Outcome {
        let installation = """
            set -e
            cd \(site.directory)
            mkdir -p installed sbin
            mount --bind /usr/sbin sbin
            ln -sfn -t installed \(site.directory)/sbin/*
            for name in greymoat spamdb spamd-setup spamlogd; do ln -sfn \(Site.binaries)/greymoat installed/$name; done
            ln -sfn \(Site.binaries)/greymoatd installed/greymoatd
            mount --bind installed /usr/sbin
            export GREYMOAT_SOCKET=\(site.directory)/run/control.sock PATH="\(path):/usr/sbin:/usr/bin:/sbin:/bin"
            set +e
            """
        return try site.host.attempt(["unshare", "-m", "sh", "-c", installation + "\n" + line])
    }
}
