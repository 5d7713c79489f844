# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# pki: the stand-in's keys and certificates, and its process. Sourced by the tests here and by
# tests/cut; needs process_start (deploy/lib/process.sh).

# Root, issuing CA, another CA that nobody configured, TLS server and client, in FOLDER.
standin_pki() { # standin_pki FOLDER
    local name
    mkdir -p "$1"
    (
        cd "$1" || exit 1
        for name in root issuing other tls client stranger; do
            openssl ecparam -name prime256v1 -genkey -noout -out "$name.key"
        done
        standin_certificate root root '/O=Example/CN=Test Root' critical,CA:TRUE
        standin_certificate issuing root '/O=Example/CN=Test Issuing CA' critical,CA:TRUE,pathlen:0
        standin_certificate other root '/O=Example/CN=Other CA' critical,CA:TRUE,pathlen:0
        standin_certificate tls root '/CN=localhost' critical,CA:FALSE 'subjectAltName=DNS:localhost'
        cp client.key stranger.key
        standin_certificate client root '/CN=hallmark' critical,CA:FALSE
        standin_certificate stranger stranger '/CN=stranger' critical,CA:FALSE
        chmod o= client.key
        cat issuing.pem root.pem > chain.pem
        for name in issuing other; do : > "index-$name"; done
    )
    standin_config "$1"
}

standin_certificate() { # standin_certificate NAME ISSUER SUBJECT BASIC [EXTENSION]
    local usage='keyUsage=critical,keyCertSign,cRLSign'
    [[ $4 = *TRUE* ]] || usage='keyUsage=critical,digitalSignature'
    printf 'basicConstraints=%s\n%s\nsubjectKeyIdentifier=hash\n%s\n' "$4" "$usage" "${5:-}" > "$1.ext"
    openssl req -new -key "$1.key" -subj "$3" -out "$1.csr"
    if [ "$1" = "$2" ]; then
        openssl x509 -req -in "$1.csr" -signkey "$1.key" -days 3000 -extfile "$1.ext" -out "$1.pem" 2> x509.log
        return
    fi
    standin_ca_section "$2" > sign.cnf
    : > index-sign
    openssl ca -batch -config sign.cnf -name signing -notext -in "$1.csr" -out "$1.pem" \
        -subj "$3" -preserveDN -startdate 20200101000000Z -enddate 99991231235959Z \
        -extfile "$1.ext" 2> ca.log
}

standin_ca_section() { # standin_ca_section ISSUER
    cat << END
[signing]
database = index-sign
new_certs_dir = .
certificate = $1.pem
private_key = $1.key
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
email_in_dn = no
[any]
organizationName = optional
organizationalUnitName = optional
commonName = optional
serialNumber = optional
END
}

standin_config() { # standin_config FOLDER
    local name
    for name in issuing other; do
        cat << END
[$name]
database = $1/index-$name
new_certs_dir = $1/new
certificate = $1/$name.pem
private_key = $1/$name.key
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
END
    done > "$1/ca.cnf"
    mkdir -p "$1/new"
    cat >> "$1/ca.cnf" << END
[any]
organizationName = optional
organizationalUnitName = optional
commonName = optional
serialNumber = optional
END
}

# The stand-in runs as process ejbca; its address in standin_url.
standin_start() { # standin_start FOLDER EDITION [PORT]
    standin_dir=$1
    process_start ejbca node "$top/tests/interop/ejbca/standin.js" "$1" "$2" "${3:-0}"
    standin_url=${process_lines[-1]#ready }
}

standin() { # standin COMMAND...: over its control socket; JSON
    printf '%s\n' "$*" | socat -t 10 - "UNIX-CONNECT:$standin_dir/control.sock"
}

# The sections of the server's configuration that name it, with MORE lines of [ejbca].
standin_settings() { # standin_settings [LINE...]
    cat << END
[ca]
backend = ejbca

[ejbca]
url = $standin_url
certificate = $standin_dir/client.pem
key = $standin_dir/client.key
trust = $standin_dir/root.pem
ca = Hallmark Test CA
issuer = $standin_dir/chain.pem
device_certificate_profile = DeviceCP
device_end_entity_profile = DeviceEE
check_certificate_profile = CheckCP
check_end_entity_profile = CheckEE
END
    printf '%s\n' "$@"
}
