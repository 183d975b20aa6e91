# Perl's HTTP::Tiny, on a connection that is kept.

use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;
use JSON::PP qw(encode_json);

my ($trusted, $content_file, @urls) = @ARGV;
open my $file, "<:raw", $content_file or die "$content_file: $!";
my $content = do { local $/; <$file> };
my $client = HTTP::Tiny->new(verify_SSL => 1, timeout => 30, SSL_options => { SSL_ca_file => $trusted });
$| = 1;
for my $url (@urls) {
    my $upload = $url =~ m{/echo$};
    my %options = $upload ? (content => $content, headers => { "content-type" => "application/octet-stream" }) : ();
    my $response = $client->request($upload ? "POST" : "GET", $url, \%options);
    if ($response->{status} == 599) {
        print encode_json({ url => $url, fault => $response->{content} }), "\n";
        next;
    }
    print encode_json({
        url => $url, status => $response->{status} + 0, protocol => $response->{protocol} // "",
        size => length $response->{content}, sha256 => sha256_hex($response->{content}),
    }), "\n";
}
