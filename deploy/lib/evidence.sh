# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# evidence: the folder that a run leaves behind, and the page that describes it.
# shellcheck source=deploy/lib/system.sh
. "${BASH_SOURCE[0]%/*}/system.sh"

# What the OEM has: certificates, the log's key and checkpoint, each unit's artefacts.
evidence_collect() { # evidence_collect FOLDER
    local uid
    mkdir -p "$1/units"
    cp "$run_dir"/desk/{root,issuing,web-server}.pem "$run_dir/desk/log.vkey" "$1/"
    operator log show --json > "$1/events.jsonl"
    rm -f "$1/checkpoint"
    operator log verify --vkey "$1/log.vkey" --checkpoint "$1/checkpoint" > "$1/log-verify.txt"
    for uid in "${board_uids[@]}"; do
        operator unit show "$uid" --out "$1/units/$uid" > "$1/units/$uid.txt" || true
        operator unit show "$uid" --json > "$1/units/$uid.json" || true
    done
}

# What the programs said. Also after a failure, with whatever is there.
evidence_logs() { # evidence_logs FOLDER
    local file
    mkdir -p "$1/log"
    for file in "$run_dir"/log/*.log "$run_dir"/log/*.jsonl "$run_dir"/boards/*.uart; do
        [ ! -f "$file" ] || cp "$file" "$1/log/"
    done
}

evidence_page() { # evidence_page FOLDER
    cat > "$1/README.md" << 'END'
# Evidence of one run of deploy/quickstart

Everything here can be checked without Hallmark, but for the last two rows of the first table.

| file | what it is |
|---|---|
| `root.pem` | RootCA's certificate, self-signed (arrow 2) |
| `issuing.pem` | ICA's certificate: it issued all others (arrow 2) |
| `web-server.pem` | WebServer's certificate: the server's TLS key, whose statements boards check (arrow 2) |
| `events.jsonl` | the event log, an entry a line |
| `log.vkey` | the log's public key (C2SP signed note) |
| `checkpoint` | the log's last checkpoint, signed by that key (C2SP tlog-checkpoint) |
| `log-verify.txt` | what `oemctl log verify` found: every entry against the checkpoint |

Per unit, in `units/UID/`:

| file | what it is |
|---|---|
| `csr.der`, `csr.pem` | the board's request, signed with AUTHKEY in its KeyStore (arrow 13) |
| `certificate.pem` | its certificate (arrow 15) |
| `rotpk.bin`, `rotpk.pem` | the key its ROM trusts: X and Y as in OTP, and as a public key (arrow 20) |
| `fwinfo.bin` | FwInfo: what the ROM verifies; 128 bytes, then r and s (arrow 22) |
| `signed-image.bin` | image and FwInfo, as burnt (arrow 24) |
| `receipt.bin`, `receipt.json` | the board's own account of the run, signed with AUTHKEY; `receipt.tbs` is what it signed, `receipt.sig` the signature |
| `commit.*` | which AES_NuLink3 the board keeps, for which receipt: signed with AUTHKEY, in the same four forms |
| `lock.*` | the level that the board read back from its lock bits: signed with AUTHKEY, likewise |

`units/UID.txt` is what `oemctl unit show` says of it, `units/UID.json` the same as JSON. In `log/`: `oem-server.log` and
`station-agent.log` what the programs wrote, `station-agent.jsonl` the agent's line per arrow,
`board-NN.uart` what each board said over UART0, `checks.txt` the checks of this run.

Try it:

    openssl verify -CAfile root.pem -untrusted issuing.pem units/*/certificate.pem
    openssl req -in units/UID/csr.pem -verify -noout
    openssl x509 -in units/UID/certificate.pem -noout -text
END
}
