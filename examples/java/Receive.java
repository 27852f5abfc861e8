import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.Executors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Receives results as signed webhooks (Standard Webhooks) and appends each to a file. Java 11 or later.
 *
 * <pre>WEBHOOK_SECRET_FILE=secret OUT=results.ndjson PORT=8099 java Receive.java</pre>
 *
 * The file of the secret has one line, or two while the secret is replaced: whsec_ and Base64. The same
 * result may come again: of each id keep the one with the greatest revision. Only one such program may write
 * to a file.
 */
public class Receive {
    static final long TOLERANCE = 300; // seconds between the sender's clock and this one
    static final int LARGEST = 1 << 20;

    /** Anybody can sign with an empty key, so a file with anything else than secrets is an error. */
    static List<byte[]> secrets() throws IOException {
        List<byte[]> keys = new ArrayList<>();
        String text = Files.readString(Path.of(System.getenv("WEBHOOK_SECRET_FILE"))).replaceFirst("^\uFEFF", ""); // a mark of editors
        for (String line : text.trim().split("\\s+")) {
            byte[] key = line.startsWith("whsec_") ? Base64.getDecoder().decode(line.substring("whsec_".length())) : new byte[0];
            if (key.length < 24) {
                throw new IOException("WEBHOOK_SECRET_FILE must have whsec_ and Base64 of 24 bytes or more on each line");
            }
            keys.add(key);
        }
        return keys;
    }

    /** The signature covers id, time and the very bytes of the body, so check it before anything is read. */
    static boolean genuine(HttpExchange call, byte[] body) throws IOException, GeneralSecurityException {
        String id = call.getRequestHeaders().getFirst("webhook-id");
        String sent = call.getRequestHeaders().getFirst("webhook-timestamp");
        String given = call.getRequestHeaders().getFirst("webhook-signature");
        if (id == null || given == null || sent == null || !sent.matches("\\d{1,12}")
                || Math.abs(System.currentTimeMillis() / 1000 - Long.parseLong(sent)) > TOLERANCE) {
            return false;
        }
        for (byte[] secret : secrets()) {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            mac.update((id + "." + sent + ".").getBytes(StandardCharsets.UTF_8));
            byte[] want = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(StandardCharsets.US_ASCII);
            for (String one : given.split(" ")) {
                if (MessageDigest.isEqual(want, one.getBytes(StandardCharsets.UTF_8))) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Says whether a text that begins with a brace, as JSON does, closes all its braces. */
    static boolean isWhole(String json) {
        int open = 0;
        boolean text = false;
        for (int i = 0; i < json.length(); i++) {
            char c = json.charAt(i);
            if (text && c == '\\') {
                i++; // the next character does not end the text
            } else if (c == '"') {
                text = !text;
            } else if (!text) {
                open += c == '{' ? 1 : c == '}' ? -1 : 0;
            }
        }
        return json.startsWith("{") && open == 0;
    }

    /**
     * Each result is one line, and one call writes at a time. In JSON a line end is outside of all texts,
     * so a space means the same. A full disk, or a program that was killed, leaves half a line at the end.
     * Its result was never answered with 2xx, so the new line takes its place. A whole line that only lost
     * its line end in an editor stays.
     */
    static synchronized void keep(byte[] body) throws IOException {
        String line = new String(body, StandardCharsets.ISO_8859_1).trim().replace('\r', ' ').replace('\n', ' ') + "\n";
        try (RandomAccessFile out = new RandomAccessFile(System.getenv("OUT"), "rw")) {
            long size = out.length();
            byte[] tail = new byte[(int) Math.min(size, LARGEST + 1)];
            out.seek(size - tail.length);
            out.readFully(tail);
            String half = new String(tail, StandardCharsets.ISO_8859_1);
            half = half.substring(half.lastIndexOf('\n') + 1);
            // Half a line begins as a result does. A loss of power can leave zeros instead.
            if (!half.isEmpty() && ("{\0".indexOf(half.charAt(0)) < 0 || half.length() > LARGEST)) {
                throw new IOException("OUT ends with something else than a result: give a file of results");
            }
            boolean stays = isWhole(half);
            long whole = stays ? size : size - half.length();
            line = (stays ? "\n" : "") + line;
            out.setLength(whole);
            try {
                out.seek(whole);
                out.write(line.getBytes(StandardCharsets.ISO_8859_1));
                out.getFD().sync();
            } catch (IOException e) {
                out.setLength(whole);
                throw e;
            }
        }
    }

    static int answer(HttpExchange call) {
        try {
            byte[] body = call.getRequestBody().readNBytes(LARGEST + 1);
            if (!call.getRequestMethod().equals("POST")) {
                return 405;
            }
            if (body.length > LARGEST) {
                return 413;
            }
            if (!genuine(call, body)) {
                return 401;
            }
            // Keep it first, then say so: what is not answered with 2xx comes again.
            keep(body);
            return 204;
        } catch (IOException | GeneralSecurityException | RuntimeException e) {
            System.err.println("not kept: " + e);
            return 500;
        }
    }

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8099"));
        System.setProperty("sun.net.httpserver.maxReqTime", "15"); // the sender waits 15 seconds for its answer
        System.setProperty("sun.net.httpserver.idleInterval", "75"); // the sender ends a connection after an idle minute
        // The sender makes 32 calls at the same time.
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 128);
        server.createContext("/", call -> {
            call.sendResponseHeaders(answer(call), -1);
            call.close();
        });
        server.setExecutor(Executors.newCachedThreadPool()); // without one, a client that stalls stops all others
        server.start();
        System.out.println("listening on " + server.getAddress().getPort());
    }
}
