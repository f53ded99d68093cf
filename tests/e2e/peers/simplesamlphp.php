<?php
// A SAML IdP: Debian's SimpleSAMLphp under PHP's built-in web server. It signs people in on a page that needs no script.
//
//   php simplesamlphp.php '{"directory":"/tmp/…","port":4711,"sp_metadata":"http://…/saml2/metadata"}'
//
// writes its configuration and keys into the directory, then becomes the server, which says "started" once it listens. Settings:
//   directory    empty, or of an earlier run: keys that are there stay
//   port, host   where it listens (on 127.0.0.1 whatever the host is) and how browsers call it
//   sp_metadata  URL or file of the service provider's metadata, read on every request as an administrator would have pasted it
//   sp           members of saml20-sp-remote.php over those of the metadata, e.g. {"assertion.encryption": true}
//   idp          members of saml20-idp-hosted.php over the usual ones
//   people       {login: {attribute: [values]}}; the password is the login
//   config       members of config.php over the usual ones
// Its entity id and metadata URL: /saml2/idp/metadata.php. IdP-initiated: /saml2/idp/SSOService.php?spentityid=…&RelayState=…
// Sign-out from here: /saml2/idp/SingleLogoutService.php?ReturnTo=…

declare(strict_types=1);

const PEOPLE = [
    'ada' => [
        'uid' => ['ada'], 'mail' => ['ada@example.test'], 'displayName' => ['Ada Lovelace'],
        'givenName' => ['Ada'], 'sn' => ['Lovelace'], 'groups' => ['staff', 'admins'],
    ],
    'ben' => [
        'uid' => ['ben'], 'mail' => ['ben@example.test'], 'displayName' => ['Ben & <Co>'],
        'givenName' => ['Ben'], 'sn' => ['Müller'], 'groups' => ['staff'],
    ],
];

$settings = json_decode($argv[1] ?? '{}', true, 32, JSON_THROW_ON_ERROR);
$directory = $settings['directory'];
$url = "http://" . ($settings['host'] ?? '127.0.0.1') . ":{$settings['port']}/";
// What Debian installs, or what tests/run has unpacked from the same package.
$unpacked = __DIR__ . '/simplesamlphp/usr/share/simplesamlphp';
$library = is_dir($unpacked) ? $unpacked : '/usr/share/simplesamlphp';

foreach (['cert', 'log', 'metadata', 'sessions', 'data'] as $folder) {
    @mkdir("$directory/$folder", 0700, true);
}
makeKey("$directory/cert");
write('config', '$config', config($settings, $directory, $url, $library));
write('authsources', '$config', authenticationSources($settings['people'] ?? PEOPLE));
write('metadata/saml20-idp-hosted', '$metadata', [$url . 'saml2/idp/metadata.php' => idp($settings['idp'] ?? [])]);
writeServiceProvider($settings['sp_metadata'] ?? null, $settings['sp'] ?? []);

pcntl_exec(PHP_BINARY, [
    '-d', 'display_errors=0', '-d', 'log_errors=1', '-d', 'date.timezone=UTC', '-d', 'opcache.enable=1', '-d', 'opcache.enable_cli=1',
    '-d', "session.save_path=$directory/sessions",
    '-S', "127.0.0.1:{$settings['port']}", '-t', "$library/www",
], ['SIMPLESAMLPHP_CONFIG_DIR' => $directory] + getenv());

/** A key with a certificate that certifies itself, as the manual of SimpleSAMLphp lets an administrator make it. */
function makeKey(string $directory): void
{
    if (is_file("$directory/idp.pem")) {
        return;
    }
    $key = openssl_pkey_new(['private_key_bits' => 2048, 'private_key_type' => OPENSSL_KEYTYPE_RSA]);
    $request = openssl_csr_new(['commonName' => 'idp.example.test'], $key, ['digest_alg' => 'sha256']);
    openssl_x509_export_to_file(openssl_csr_sign($request, null, $key, 3650, ['digest_alg' => 'sha256']), "$directory/idp.crt");
    openssl_pkey_export_to_file($key, "$directory/idp.pem");
}

function config(array $settings, string $directory, string $url, string $library): array
{
    return ($settings['config'] ?? []) + [
        'baseurlpath' => $url,
        'certdir' => "$directory/cert/",
        'loggingdir' => "$directory/log/",
        'datadir' => "$directory/data/",
        'tempdir' => "$directory/temp",
        'metadatadir' => "$directory/metadata/",
        'attributenamemapdir' => dirname($library, 3) . '/etc/simplesamlphp/attributemap/',
        'secretsalt' => 'a-salt-that-only-the-tests-know',
        'auth.adminpassword' => bin2hex(random_bytes(16)),
        'technicalcontact_email' => 'na@example.org',
        'timezone' => 'UTC',
        'enable.saml20-idp' => true,
        // A sign-out may lead back to any page of this machine.
        'trusted.url.domains' => ['127.0.0.1', 'localhost'],
        'trusted.url.regex' => false,
        'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
        'enable.http_post' => true,
        'errorreporting' => false,
        'showerrors' => true,
        'logging.handler' => 'file',
        'logging.level' => 7,
        // Browsers share cookies between the ports of one host, and this one speaks plain HTTP.
        'session.cookie.name' => "ssp_{$settings['port']}",
        'session.phpsession.cookiename' => "ssp_{$settings['port']}_session",
        'session.authtoken.cookiename' => "ssp_{$settings['port']}_token",
        'session.cookie.secure' => false,
        'session.cookie.samesite' => 'Lax',
        'language.cookie.secure' => false,
        'language.cookie.samesite' => 'Lax',
        'language.default' => 'en',
        'store.type' => 'phpsession',
        'metadata.sources' => [['type' => 'flatfile']],
    ];
}

function authenticationSources(array $people): array
{
    $users = [];
    foreach ($people as $login => $attributes) {
        $users["$login:$login"] = $attributes;
    }
    return ['people' => ['exampleauth:UserPass'] + $users];
}

function idp(array $over): array
{
    $email = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
    $unspecified = 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified';
    return $over + [
        'host' => '__DEFAULT__',
        'privatekey' => 'idp.pem',
        'certificate' => 'idp.crt',
        'auth' => 'people',
        'NameIDFormat' => ['urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
        'SingleSignOnServiceBinding' => array_map(binding(...), ['HTTP-Redirect', 'HTTP-POST']),
        'SingleLogoutServiceBinding' => array_map(binding(...), ['HTTP-Redirect', 'HTTP-POST']),
        'sign.logout' => true,
        'authproc' => [
            1 => ['class' => 'saml:PersistentNameID', 'attribute' => 'uid'],
            2 => ['class' => 'saml:TransientNameID'],
            3 => ['class' => 'saml:AttributeNameID', 'attribute' => 'mail', 'Format' => $email],
            4 => ['class' => 'saml:AttributeNameID', 'attribute' => 'uid', 'Format' => $unspecified],
        ],
    ];
}

function binding(string $name): string
{
    return "urn:oasis:names:tc:SAML:2.0:bindings:$name";
}

function write(string $file, string $variable, array $value): void
{
    global $directory;
    file_put_contents("$directory/$file.php", "<?php\n$variable = " . var_export($value, true) . ";\n");
}

function writeServiceProvider(?string $source, array $over): void
{
    global $directory;
    $read = $source === null ? '' : '
        $xml = file_get_contents(' . var_export($source, true) . ');
        foreach ($xml ? \SimpleSAML\Metadata\SAMLParser::parseDescriptorsString($xml) : [] as $id => $entity) {
            $metadata[$id] = $over + $entity->getMetadata20SP();
            unset($metadata[$id]["entityDescriptor"], $metadata[$id]["expire"]);
        }';
    $over = '$over = ' . var_export($over, true) . ';';
    file_put_contents("$directory/metadata/saml20-sp-remote.php", "<?php\n$over\n$read\n");
}
